"""Keeps docs/behaviour.md: what every adapter does in every situation, from tests/adapters.

    python -m tools.contract_page --write    renews the page
    python -m tools.contract_page --check    fails when the page is not what the tests say

The tests are collected, not run: ``make test`` runs them, and ``make test-slow`` once more, with
old and new versions of the frameworks.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from tests.adapters.record import NOT_APPLICABLE as NONE
from tests.adapters.record import PASSED
from tests.adapters.table import ADAPTERS, NOT_APPLICABLE
from tools.page import ROOT, write_or_check

PAGE = ROOT / "docs/behaviour.md"
FRAMEWORKS = {"Django": "django", "Flask": "flask", "Starlette": "starlette", "FastAPI": "fastapi"}

HEADER = f"""\
# What every adapter does

Written by `python -m tools.contract_page --write`; do not edit. Each line is a test in
`tests/adapters` that passes with every adapter that has a {PASSED}. Where there is a {NONE},
the situation does not exist; why not, stands below it.

"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A row: what the test and its module say, and the adapters it runs for."""

    name: str
    sentence: str
    chapter: str
    adapters: frozenset[str]


@dataclass(slots=True)
class Collector:
    """A plugin of pytest that notes the situations, in the order they are written in."""

    situations: list[Situation] = field(default_factory=list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note them."""
        adapters: dict[str, set[str]] = {}
        items = {
            item.originalname: item
            for item in reversed(session.items)
            if isinstance(item, pytest.Function) and "adapter" in item.fixturenames
        }
        for item in session.items:
            if isinstance(item, pytest.Function) and item.originalname in items:
                name = str(item.callspec.params["adapter"])
                adapters.setdefault(item.originalname, set()).add(name)
        self.situations = [
            _situation(item, frozenset(adapters[name])) for name, item in reversed(items.items())
        ]


def _situation(item: pytest.Function, adapters: frozenset[str]) -> Situation:
    module: ModuleType = item.module
    return Situation(
        name=item.originalname,
        sentence=_in_one_line(item.function.__doc__),
        chapter=_in_one_line(module.__doc__),
        adapters=adapters,
    )


def _in_one_line(text: str | None) -> str:
    """Return the first paragraph of a docstring."""
    return " ".join(inspect.cleandoc(text or "").partition("\n\n")[0].split())


def collect() -> list[Situation]:
    """Let pytest collect the contract, and return its situations."""
    collector, said = Collector(), io.StringIO()
    with contextlib.redirect_stdout(said):
        code = pytest.main(
            ["--collect-only", "--quiet", "-p", "no:randomly", str(ROOT / "tests/adapters")],
            plugins=[collector],
        )
    if code:
        sys.exit(f"{said.getvalue()}\nThe contract could not be collected.")
    return collector.situations


def find_reasons() -> dict[tuple[str, str], str]:
    """Return why a situation does not exist, by its name and the adapter's."""
    return {
        (row, adapter): one.because
        for one in NOT_APPLICABLE
        for row in one.rows
        for adapter in one.adapters
    }


def describe_oldest(project: Mapping[str, Any]) -> str:
    """Return the sentence that names the oldest versions, from pyproject.toml."""
    pins = dict(
        requirement.split("==")
        for requirement in project["dependency-groups"]["oldest"]
        if isinstance(requirement, str) and ";" not in requirement
    )
    named = [f"{name} {pins[key]}" for name, key in FRAMEWORKS.items()]
    return (
        f"`make test-slow` runs them with {', '.join(named[:-1])} and\n{named[-1]}, and with the"
        " newest versions there are.\n"
    )


def render(
    situations: Iterable[Situation],
    reasons: Mapping[tuple[str, str], str],
    adapters: Sequence[str],
) -> str:
    """Return the tables, one for each chapter."""
    lines: list[str] = []
    chapter = None
    for one in situations:
        if one.chapter != chapter:
            chapter = one.chapter
            lines += ["", f"## {chapter.rstrip('.')}", ""]
            lines += [f"| situation | {' | '.join(adapters)} |", f"|---|{':-:|' * len(adapters)}"]
        signs = " | ".join(PASSED if name in one.adapters else NONE for name in adapters)
        lines.append(f"| {_cell(one, reasons, adapters)} | {signs} |")
    return "\n".join(lines) + "\n"


def _cell(one: Situation, reasons: Mapping[tuple[str, str], str], adapters: Iterable[str]) -> str:
    missing = [name for name in adapters if name not in one.adapters]
    why = dict.fromkeys(reasons[one.name, name] for name in missing)
    return "<br>".join([one.sentence, *(f"*{NONE}: {reason}*" for reason in why)]).replace(
        "|", "\\|"
    )


def write_page() -> str:
    """Return the whole page."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    tables = render(collect(), find_reasons(), tuple(ADAPTERS))
    return HEADER + describe_oldest(project) + tables


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check(
        PAGE,
        write_page,
        arguments,
        tool="tools.contract_page",
        about=(__doc__ or "").partition("\n")[0],
        agrees="The page of behaviour is what the tests say.",
    )


if __name__ == "__main__":
    sys.exit(main())
