"""An exception raised from another one, which belongs to the system."""

from __future__ import annotations

import os

from posthog_web import Client


def enter_release() -> None:
    """Go to a folder that is not there."""
    os.chdir("/nowhere/releases/42")


def start() -> None:
    """Start an application that needs its folder."""
    try:
        enter_release()
    except OSError as cause:
        msg = "there is no release"
        raise RuntimeError(msg) from cause


def report(client: Client) -> None:
    """Fail and report it."""
    try:
        start()
    except RuntimeError as error:
        client.capture_exception(error, "user-1", level="critical")
