"""
The command `python -m posthog_web inspector`.
"""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence

from posthog_web.inspector import INSTALLATION_HINT

DEFAULT_PORT = 8765


def main(arguments: Sequence[str], program: str = "inspector") -> int:
    """
    Run the inspector until it is told to stop; return the exit status.
    """
    options = _parser(program).parse_args(arguments)
    try:
        from posthog_web.inspector import server  # noqa: PLC0415 (--help works without the extra)
    except ModuleNotFoundError as error:
        if error.name not in {"starlette", "uvicorn", "anyio"}:
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
    port = int(text)
    if not 0 <= port <= 65535:  # noqa: PLR2004 (the range of TCP)
        raise ValueError
    return port


def _say(line: str) -> None:
    # At once, also into a pipe: whoever started us reads the address from it.
    print(line, flush=True)  # noqa: T201 (a command talks)


def _fail(sentence: str, status: int) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201 (a command talks)
    return status
