"""The tool that says which tests prove which requirements tells the truth about them."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tools.spec_coverage import (
    REQUIREMENTS,
    ROOT,
    SCOPE,
    Claim,
    Requirement,
    Scope,
    expand,
    find_faults,
    merge,
    read_record,
    read_requirements,
    read_scope,
    render,
)

MUST = Requirement(id="SRV-001", level="MUST", group="1. First")
SHOULD = Requirement(id="SRV-002", level="SHOULD", group="1. First")
OTHER = Requirement(id="SRV-003", level="MUST", group="2. Second")
ALL = (MUST, SHOULD, OTHER)

SCOPED = Scope(demanded=frozenset({"SRV-001", "SRV-002"}), later={"SRV-003": "comes later"})


def claim(*ids: str, outcome: str | None = "passed", **more: Any) -> Claim:
    """Return the claim of a test that passed."""
    return Claim(test="tests/test_x.py::test_it", ids=ids, outcome=outcome, **more)


def record(*claims: dict[str, Any], marks: str = "", collected_only: bool = False) -> list[Claim]:
    """Return the claims of a recorded run."""
    return read_record({"marks": marks, "collected_only": collected_only, "claims": claims})


class TestIds:
    """The short form in which the files list ids."""

    def test_a_range_stands_for_every_id_between_its_ends(self) -> None:
        """Both ends belong to a range, and a single id stands for itself."""
        assert ["SRV-009", "SRV-010", "SRV-011", "SRV-020"] == list(
            expand(["SRV-009..011", "SRV-020"])
        )

    @pytest.mark.parametrize("text", ["SRV-1", "001..003", "SRV-001-003", ""])
    def test_anything_else_is_refused(self, text: str) -> None:
        """A slip in the files is an error that quotes it, not an id that never matches."""
        with pytest.raises(ValueError, match=f"^'{text}' is neither"):
            list(expand([text]))


class TestFaults:
    """What makes the check fail."""

    def test_a_proven_must_is_no_fault(self) -> None:
        """A passing test is all a MUST needs, and a SHOULD needs none."""
        assert [] == find_faults(ALL, SCOPED, [claim("SRV-001")])

    @pytest.mark.parametrize("outcome", ["failed", "skipped", None])
    def test_a_must_without_a_passing_test_is_named(self, outcome: str | None) -> None:
        """A test that failed, was skipped or never ran proves nothing."""
        [fault] = find_faults(ALL, SCOPED, [claim("SRV-001", outcome=outcome)])

        assert fault.startswith("SRV-001 is a MUST in scope")

    def test_a_reason_stands_in_for_a_test(self) -> None:
        """One line under [reasons] is as good as a test."""
        scope = Scope(
            demanded=SCOPED.demanded, later=SCOPED.later, reasons={"SRV-001": "cannot be seen"}
        )

        assert [] == find_faults(ALL, scope, [])

    @pytest.mark.parametrize("reason", ["", " ", "two\nlines"])
    def test_a_reason_is_one_line(self, reason: str) -> None:
        """An empty reason, or a page of reasons, is a fault."""
        scope = Scope(demanded=SCOPED.demanded, later=SCOPED.later, reasons={"SRV-001": reason})

        assert ["the reason for SRV-001 in tests/spec/scope.toml must be one line"] == find_faults(
            ALL, scope, []
        )

    def test_six_claims_are_too_many(self) -> None:
        """A test that claims more than five requirements is named with their number."""
        many = [
            Requirement(id=one, level="MAY", group="1. First") for one in expand(["SRV-001..006"])
        ]
        scope = Scope(demanded=frozenset(one.id for one in many))

        [fault] = find_faults(many, scope, [claim(*(one.id for one in many))])

        assert fault == "tests/test_x.py::test_it claims 6 requirements; at most 5 are believed"

    def test_an_unknown_id_is_named(self) -> None:
        """A claim of something that is no requirement is named with its test."""
        [fault] = find_faults(ALL, SCOPED, [claim("SRV-001", "SRV-999")])

        assert fault == "tests/test_x.py::test_it claims SRV-999, which is no requirement"

    @pytest.mark.parametrize(
        ("scope", "fault"),
        [
            (
                Scope(demanded=frozenset({"SRV-002"})),
                "must place SRV-001 exactly once, not 0 times",
            ),
            (
                Scope(demanded=frozenset({"SRV-001", "SRV-002"}), never={"SRV-001": "no"}),
                "must place SRV-001 exactly once, not 2 times",
            ),
            (
                Scope(demanded=frozenset({"SRV-001", "SRV-002", "SRV-999"})),
                "names SRV-999, which is no requirement",
            ),
            (
                Scope(
                    demanded=frozenset({"SRV-001"}),
                    later={"SRV-002": ""},
                    reasons={"SRV-002": "so"},
                ),
                "gives a reason for SRV-002, which is not in scope",
            ),
        ],
        ids=["forgotten", "twice", "unknown", "needless-reason"],
    )
    def test_the_scope_places_each_requirement_once(self, scope: Scope, fault: str) -> None:
        """A forgotten, doubled or unknown id, or a reason nobody needs, is a fault."""
        faults = find_faults([MUST, SHOULD], scope, [claim("SRV-001")])

        assert [f"tests/spec/scope.toml {fault}"] == faults


class TestRecords:
    """What a run says about the tests it left out."""

    @pytest.mark.parametrize(
        ("slow", "marks", "proves"),
        [
            (True, "not slow", True),
            (False, "slow", True),
            (False, "not slow", False),
            (True, "", False),
        ],
    )
    def test_a_test_left_out_waits_for_its_own_run(
        self,
        slow: bool,
        marks: str,
        proves: bool,
    ) -> None:
        """A slow test waits in the fast run, a fast one in the slow run, and no other ever."""
        entry = {"test": "t", "ids": ["SRV-001"], "slow": slow, "outcome": None}

        [found] = record(entry, marks=marks)

        assert found.proves is proves

    def test_collecting_believes_every_test(self) -> None:
        """Where nothing runs, a claim is enough."""
        entry = {"test": "t", "ids": ["SRV-001"], "slow": False, "outcome": None}

        [found] = record(entry, collected_only=True)

        assert found.proves

    def test_merged_runs_judge_a_test_by_the_run_it_ran_in(self) -> None:
        """A slow test that failed is not saved by the fast run that left it out."""
        entry = {"test": "t", "ids": ["SRV-001"], "slow": True, "outcome": None}
        fast = record(entry, marks="not slow")
        slow = record({**entry, "outcome": "failed"}, marks="slow")

        assert [False] == [found.proves for found in merge([fast, slow])]

    def test_pytest_writes_what_became_of_each_claim(self, tmp_path: Path) -> None:
        """A real run records passed, failed, skipped and left-out tests, class marks included."""
        tmp_path.joinpath("test_real.py").write_text(
            """
import pytest

@pytest.mark.spec("SRV-002", "SRV-001")
def test_good(): pass

@pytest.mark.spec("SRV-001")
class TestMore:
    @pytest.mark.spec("SRV-003")
    def test_bad(self): assert False

    def test_skipped(self): pytest.skip("why not")

@pytest.fixture
def broken():
    yield
    raise OSError

@pytest.mark.spec("SRV-004")
def test_breaks_afterwards(broken): pass

@pytest.mark.slow
@pytest.mark.spec("SRV-005")
def test_slow(): pass

def test_claims_nothing(): pass
"""
        )
        tmp_path.joinpath("pytest.ini").write_text("[pytest]\nmarkers =\n    spec\n    slow\n")
        pytest_here = [sys.executable, "-m", "pytest", "--quiet", "--rootdir", str(tmp_path)]
        options = ["-p", "tests.spec.plugin", "-m", "not slow", "--spec-record", "deep/record.json"]

        subprocess.run(
            [*pytest_here, *options],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            check=False,
            capture_output=True,
        )

        written = json.loads(tmp_path.joinpath("deep/record.json").read_text())
        assert written["marks"] == "not slow"
        assert [
            ("test_real.py::TestMore::test_bad", ["SRV-001", "SRV-003"], False, "failed"),
            ("test_real.py::TestMore::test_skipped", ["SRV-001"], False, "skipped"),
            ("test_real.py::test_breaks_afterwards", ["SRV-004"], False, "failed"),
            ("test_real.py::test_good", ["SRV-001", "SRV-002"], False, "passed"),
            ("test_real.py::test_slow", ["SRV-005"], True, None),
        ] == [tuple(one.values()) for one in written["claims"]]


class TestPage:
    """What docs/spec-coverage.md shows."""

    def test_each_requirement_shows_its_tests_or_its_reason(self) -> None:
        """A row names its tests in order, without parameters, and the reason if there is one."""
        cases = [
            Claim(test=f"tests/test_a.py::test_case[{number}]", ids=("SRV-001",)) for number in "21"
        ]
        slow = Claim(test="tests/process/test_b.py::test_b", ids=("SRV-001",), slow=True)

        rows = render(ALL, SCOPED, [*cases, slow]).splitlines()

        first = "`process/test_b.py::test_b` (slow)<br>`test_a.py::test_case`"
        assert f"| SRV-001 | MUST | {first} |" in rows
        assert "| SRV-002 | SHOULD | no test |" in rows
        assert "| SRV-003 | MUST | later: comes later |" in rows

    def test_the_order_of_tests_does_not_matter(self) -> None:
        """However the run was shuffled, and whatever ended how, the page is the same."""
        claims = [
            Claim(test=f"tests/test_{number}.py::test", ids=("SRV-001", "SRV-003"))
            for number in range(20)
        ]
        shuffled = [Claim(test=one.test, ids=one.ids, outcome="passed") for one in claims]
        random.shuffle(shuffled)

        assert render(ALL, SCOPED, claims) == render(ALL, SCOPED, shuffled)

    def test_the_page_begins_with_numbers(self) -> None:
        """The summary counts what is in scope, what a test claims, and what a reason excuses."""
        scope = Scope(
            demanded=frozenset({"SRV-001", "SRV-002", "SRV-003"}), reasons={"SRV-003": "because"}
        )

        rows = render(ALL, scope, [claim("SRV-001")]).splitlines()

        assert "| MUST | 2 | 1 | 1 |" in rows
        assert "| SHOULD | 1 | 0 | 0 |" in rows


class TestOurFiles:
    """The lists this repository keeps."""

    def test_every_requirement_is_listed_once(self) -> None:
        """Ids run from SRV-001 to SRV-397 without a gap and without a double."""
        found = read_requirements(tomllib.loads(REQUIREMENTS.read_text()))

        assert list(expand(["SRV-001..397"])) == [requirement.id for requirement in found]

    def test_every_requirement_is_placed(self) -> None:
        """Each id is in scope, waits for a feature, or is out of scope, and only one of these."""
        requirements = read_requirements(tomllib.loads(REQUIREMENTS.read_text()))
        scope = read_scope(tomllib.loads(SCOPE.read_text()))
        everything = Claim(test="all", ids=(), outcome="passed")

        faults = find_faults(requirements, scope, [everything])

        assert [] == [fault for fault in faults if "is a MUST in scope" not in fault]
