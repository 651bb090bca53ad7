"""A module that cannot be compiled."""

from __future__ import annotations

from pathlib import Path

from posthog_web import Client

SOURCE = Path(__file__).with_name("broken.source")


def load() -> None:
    """Compile it, as an import does."""
    compile(SOURCE.read_text(encoding="utf-8"), str(SOURCE), "exec")


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        load()
    except SyntaxError as error:
        client.capture_exception(error, "user-1")
