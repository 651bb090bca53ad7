"""Keeps docs/spec-coverage.md: which tests prove which requirements, and why some have none.

    python tools/spec_coverage.py --write                  renews the page
    python tools/spec_coverage.py --check                  checks the page and the tests' claims
    python tools/spec_coverage.py --check --record PATH    checks also that claiming tests passed

Without ``--record`` the tests are collected, not run. With it (several are merged), PATH is what
``pytest --spec-record=PATH`` wrote. There, a test left out by ``-m "not slow"`` waits for the slow
run, and the other way round; a test that was skipped or failed proves nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ROOT / "tests/spec/requirements.toml"
SCOPE = ROOT / "tests/spec/scope.toml"
PAGE = ROOT / "docs/spec-coverage.md"

LEVELS = ("MUST", "SHOULD", "MAY")

# A test that claims more says too little about each.
MOST_CLAIMS = 5

_IDS = re.compile(r"SRV-(\d{3})(?:\.\.(\d{3}))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A numbered requirement: its level (MUST, SHOULD, MAY) and the group it stands in."""

    id: str
    level: str
    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which requirements need a proof now, and the reasons why others have none."""

    demanded: frozenset[str]
    later: Mapping[str, str] = field(default_factory=dict)
    never: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A test that says it proves some requirements.

    Attributes:
        test: The test's id as pytest prints it.
        outcome: ``passed``, ``failed``, ``skipped``, or None when the test did not run.
        waits: Another kind of run (slow or not) is where the test runs.
    """

    test: str
    ids: tuple[str, ...]
    slow: bool = False
    outcome: str | None = None
    waits: bool = False

    @property
    def proves(self) -> bool:
        """Whether the test passed, or is another run's business."""
        return self.outcome == "passed" or self.waits


def expand(texts: Iterable[str]) -> Iterator[str]:
    """Yield each id of ``SRV-001`` and ``SRV-001..003``."""
    for text in texts:
        match = _IDS.fullmatch(text)
        if match is None:
            msg = f"{text!r} is neither an id (SRV-001) nor a range (SRV-001..003)"
            raise ValueError(msg)
        first, last = int(match[1]), int(match[2] or match[1])
        yield from (f"SRV-{number:03}" for number in range(first, last + 1))


def read_requirements(table: Mapping[str, Any]) -> list[Requirement]:
    """Read the groups of requirements.toml, in order of their ids."""
    found = [
        Requirement(id=one, level=level, group=group["title"])
        for group in table["group"]
        for level in LEVELS
        for one in expand(group.get(level.lower(), ()))
    ]
    return sorted(found, key=lambda requirement: requirement.id)


def read_scope(table: Mapping[str, Any]) -> Scope:
    """Read scope.toml."""
    later, never = (
        {one: entry["reason"] for entry in table.get(name, ()) for one in expand(entry["ids"])}
        for name in ("later", "never")
    )
    return Scope(
        demanded=frozenset(expand(table["in_scope"])),
        later=later,
        never=never,
        reasons=table.get("reasons", {}),
    )


def read_record(record: Mapping[str, Any]) -> list[Claim]:
    """Read what ``pytest --spec-record`` wrote."""
    left_out = {"not slow": True, "slow": False}.get(record["marks"])
    return [
        Claim(
            test=claim["test"],
            ids=tuple(claim["ids"]),
            slow=claim["slow"],
            outcome=claim["outcome"],
            waits=record["collected_only"]
            or (claim["outcome"] is None and claim["slow"] == left_out),
        )
        for claim in record["claims"]
    ]


def merge(runs: Iterable[Iterable[Claim]]) -> list[Claim]:
    """Put several runs together; a test that waits in one counts as it ended in another."""
    claims = [claim for run in runs for claim in run]
    ended = {claim.test for claim in claims if claim.outcome is not None}
    return [claim for claim in claims if claim.outcome is not None or claim.test not in ended]


def find_faults(
    requirements: Sequence[Requirement], scope: Scope, claims: Sequence[Claim]
) -> list[str]:
    """Return what is wrong with the scope, the claims and the proofs, a sentence each."""
    known = {requirement.id for requirement in requirements}
    faults = [*_scope_faults(known, scope), *_claim_faults(known, claims)]
    proven = {one for claim in claims if claim.proves for one in claim.ids}
    faults.extend(
        f"{requirement.id} is a MUST in scope: no test that passed claims it, and"
        " tests/spec/scope.toml gives no reason"
        for requirement in requirements
        if requirement.level == "MUST"
        and requirement.id in scope.demanded
        and requirement.id not in proven
        and requirement.id not in scope.reasons
    )
    return faults


def _scope_faults(known: set[str], scope: Scope) -> Iterator[str]:
    places = Counter([*scope.demanded, *scope.later, *scope.never])
    for one in sorted(known | set(places)):
        if one not in known:
            yield f"tests/spec/scope.toml names {one}, which is no requirement"
        elif places[one] != 1:
            yield f"tests/spec/scope.toml must place {one} exactly once, not {places[one]} times"
    for one, reason in sorted(scope.reasons.items()):
        if one not in scope.demanded:
            yield f"tests/spec/scope.toml gives a reason for {one}, which is not in scope"
        if not reason.strip() or "\n" in reason:
            yield f"the reason for {one} in tests/spec/scope.toml must be one line"


def _claim_faults(known: set[str], claims: Iterable[Claim]) -> Iterator[str]:
    for test, ids in sorted({(claim.test, claim.ids) for claim in claims}):
        if len(ids) > MOST_CLAIMS:
            yield f"{test} claims {len(ids)} requirements; at most {MOST_CLAIMS} are believed"
        for one in ids:
            if one not in known:
                yield f"{test} claims {one}, which is no requirement"


def render(requirements: Sequence[Requirement], scope: Scope, claims: Iterable[Claim]) -> str:
    """Return the page: a table per group. The order of tests and runs does not matter."""
    tests = defaultdict(set)
    for claim in claims:
        for one in claim.ids:
            tests[one].add(_shown(claim))
    lines = [
        "# Requirements and their proofs",
        "",
        "Written by `python tools/spec_coverage.py --write`; do not edit. The ids are those of",
        "`tests/spec/requirements.toml`; what is in scope, and why the rest is not, stands in",
        "`tests/spec/scope.toml`. Tests are named from `tests/` on.",
        "",
        *_summary(requirements, scope, frozenset(tests)),
    ]
    group = None
    for requirement in requirements:
        if requirement.group != group:
            group = requirement.group
            lines += ["", f"## {group}", "", "| id | level | proof |", "|---|---|---|"]
        proof = _proof(requirement.id, scope, sorted(tests[requirement.id]))
        lines.append(f"| {requirement.id} | {requirement.level} | {proof} |")
    return "\n".join(lines) + "\n"


def _shown(claim: Claim) -> str:
    name = claim.test.partition("[")[0].removeprefix("tests/")
    return f"`{name}` (slow)" if claim.slow else f"`{name}`"


def _summary(
    requirements: Iterable[Requirement], scope: Scope, claimed: frozenset[str]
) -> Iterator[str]:
    yield "| in scope | all | with a test | with a reason |"
    yield "|---|---|---|---|"
    demanded = [one for one in requirements if one.id in scope.demanded]
    for level in LEVELS:
        ids = {one.id for one in demanded if one.level == level}
        with_test = len(ids & claimed)
        with_reason = len((ids - claimed) & set(scope.reasons))
        yield f"| {level} | {len(ids)} | {with_test} | {with_reason} |"


def _proof(one: str, scope: Scope, tests: Sequence[str]) -> str:
    named = {
        "": scope.reasons,
        "later: ": scope.later,
        "out of scope: ": scope.never,
    }
    reasons = [f"{kind}{table[one]}" for kind, table in named.items() if one in table]
    return "<br>".join([*tests, *reasons]) or "no test"


def collect() -> list[Claim]:
    """Let pytest collect the tests and return their claims."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "record.json")
        pytest = [sys.executable, "-m", "pytest", "--collect-only", "--quiet"]
        done = subprocess.run(
            [*pytest, f"--spec-record={path}"],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode or not path.exists():
            sys.exit(f"{done.stdout}{done.stderr}\nThe tests could not be collected.")
        return read_record(json.loads(path.read_text(encoding="utf-8")))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help="renew docs/spec-coverage.md")
    action.add_argument("--check", action="store_true", help="fail when something is unproven")
    parser.add_argument(
        "--record",
        action="append",
        type=Path,
        metavar="PATH",
        help="what `pytest --spec-record=PATH` wrote; may be given several times",
    )
    options = parser.parse_args(arguments)
    requirements = read_requirements(tomllib.loads(REQUIREMENTS.read_text(encoding="utf-8")))
    scope = read_scope(tomllib.loads(SCOPE.read_text(encoding="utf-8")))
    if options.record:
        records = [json.loads(path.read_text(encoding="utf-8")) for path in options.record]
        claims = merge(read_record(record) for record in records)
    else:
        claims = collect()
    page = render(requirements, scope, claims)
    if options.write:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page, encoding="utf-8")
        return 0
    return _report(find_faults(requirements, scope, claims), page)


def _report(faults: list[str], page: str) -> int:
    if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
        faults.append(
            f"{PAGE.relative_to(ROOT)} is out of date: python tools/spec_coverage.py --write"
        )
    for fault in faults:
        print(fault)
    print(f"Requirements: {len(faults) or 'no'} fault{'s' * (len(faults) != 1)}.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
