"""The commands: `python -m posthog_web <command>`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command.

    Attributes:
        module: Where its `main(arguments, program)` is; imported only when it is chosen.
        summary: One line for the help.
    """

    module: str
    summary: str


COMMANDS = {
    "inspector": Command(
        module="posthog_web.inspector.command",
        summary="PostHog on your desk: a local server that shows what arrives, live",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command *arguments* (default: the process's own) name; return its exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments:
        _parser().print_help()
        return 2
    # Only the first word is ours: the command reads the rest, `--help` included.
    name = _parser().parse_args(arguments[:1]).command
    run = import_module(COMMANDS[name].module).main
    status: int = run(arguments[1:], f"python -m posthog_web {name}")
    return status


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    parser = argparse.ArgumentParser(
        prog="python -m posthog_web",
        description="commands:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="command", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
