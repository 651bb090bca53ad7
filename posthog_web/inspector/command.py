"""The command `python -m posthog_web inspector`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from posthog_web.inspector import INSTALLATION_HINT, is_about_the_extra

DEFAULT_PORT = 8765
LARGEST_PORT = 65_535


def main(arguments: Sequence[str], program: str = "inspector") -> int:
    """Run the inspector until it is told to stop; return the exit status."""
    options = _parser(program).parse_args(arguments)
    try:
        # Here, not above: --help works without the extra's packages.
        import sqlite3  # noqa: PLC0415

        from posthog_web.inspector import server  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if not is_about_the_extra(error):
            raise
        return _fail(INSTALLATION_HINT, 2)
    try:
        listener = server.listen(options.host, options.port)
    except ValueError as error:
        return _fail(str(error), 2)
    except OSError as error:
        address = f"{options.host}:{options.port}"
        return _fail(f"Cannot listen on {address}: {error.strerror}. Try --port 0.", 1)
    try:
        server.serve(listener, options.database, say=_say)
    except sqlite3.Error as error:
        return _fail(f"Cannot use the database {options.database}: {error}.", 1)
    return 0


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program,
        description="PostHog on your desk: a local server that shows the events sent to it, live.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=DEFAULT_PORT, help="0 takes a free one (%(default)s)"
    )
    parser.add_argument(
        "--database",
        default=":memory:",
        metavar="PATH",
        help="a file that keeps what arrives (default: in memory, gone at the end)",
    )
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= LARGEST_PORT):
        msg = f"a port is a number from 0 to {LARGEST_PORT}, not {text!r}"
        raise argparse.ArgumentTypeError(msg)
    return int(text)


def _say(line: str) -> None:
    # At once, also into a pipe: whoever started us reads the address from it.
    print(line, flush=True)  # noqa: T201 (a command talks)


def _fail(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 (a command talks)
    return status
