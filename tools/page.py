"""Writes, or checks, a page of docs/ that is made of something else."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def write_or_check(
    path: Path,
    make: Callable[[], str],
    arguments: Sequence[str] | None,
    *,
    tool: str,
    about: str,
    agrees: str,
) -> int:
    """Do what the command line says; return the exit code.

    Args:
        path: The page.
        make: Returns what it should be.
        arguments: Of the command line; None for those of this process.
        tool: The module that is run for it.
        about: What it does, in a sentence.
        agrees: What to print where the page is as it should be.
    """
    name = path.relative_to(ROOT)
    parser = argparse.ArgumentParser(description=about)
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--write", action="store_true", help=f"renew {name}")
    action.add_argument("--check", action="store_true", help="fail when it is out of date")
    options = parser.parse_args(arguments)
    page = make()
    if options.write:
        path.write_text(page, encoding="utf-8")
        return 0
    if not path.exists() or path.read_text(encoding="utf-8") != page:
        print(f"{name} is out of date: python -m {tool} --write")
        return 1
    print(agrees)
    return 0
