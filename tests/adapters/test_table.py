"""The table itself."""

from __future__ import annotations

from pathlib import Path

from tests.adapters.table import ADAPTERS, NOT_APPLICABLE

ROWS = "\n".join(
    path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py")
)


def test_what_does_not_apply_is_there() -> None:
    """Every row and every column that is said not to fit exists."""
    rows = {row for one in NOT_APPLICABLE for row in one.rows}
    columns = {column for one in NOT_APPLICABLE for column in one.adapters}

    assert [row for row in sorted(rows) if f"def {row}(" not in ROWS] == []
    assert columns <= ADAPTERS.keys()


def test_no_row_is_empty() -> None:
    """What applies nowhere has no place in the contract."""
    for one in NOT_APPLICABLE:
        assert len(set(one.adapters)) < len(ADAPTERS), one.because
