"""Records which tests claim which requirements, and how those tests ended.

``pytest --spec-record=PATH`` writes it as JSON for tools/spec_coverage.py. Tests that ``-m`` left
out are recorded too, without an outcome: the page of requirements names them all the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--spec-record``."""
    parser.addoption(
        "--spec-record",
        metavar="PATH",
        type=Path,
        help="write which requirements the tests claimed, and how those tests ended, to PATH",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start recording when asked to."""
    path: Path | None = config.getoption("--spec-record")
    if path is not None:
        config.pluginmanager.register(Recorder(path), "spec-recorder")


@dataclass(slots=True, kw_only=True)
class Claim:
    """One test, the requirements it claims, and how it ended (None: it did not run)."""

    test: str
    ids: list[str]
    slow: bool
    outcome: str | None = None


class Recorder:
    """Collects the claims of a run and writes them when it is over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._claims: dict[str, Claim] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note every test's claims, before ``-m`` takes some tests away."""
        for item in items:
            ids = _claimed(item.iter_markers("spec"))
            if ids:
                slow = item.get_closest_marker("slow") is not None
                self._claims[item.nodeid] = Claim(test=item.nodeid, ids=ids, slow=slow)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended; the first phase that did not pass decides."""
        claim = self._claims.get(report.nodeid)
        if claim is not None and claim.outcome in {None, "passed"}:
            claim.outcome = report.outcome

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the record."""
        config = session.config
        record = {
            "collected_only": config.option.collectonly,
            "marks": config.option.markexpr,
            "claims": [asdict(self._claims[nodeid]) for nodeid in sorted(self._claims)],
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(record, indent=1), encoding="utf-8")


def _claimed(markers: Iterable[pytest.Mark]) -> list[str]:
    return sorted({requirement for marker in markers for requirement in marker.args})
