"""What every application does when it is loaded, and in its view."""

from __future__ import annotations

import os
from typing import Any

import posthog_web

# Events a request captures.
EACH = 3

# The variable that has the application do what one must do whose server leaves signals alone.
INSTALLS_HANDLERS = "MATRIX_INSTALLS_HANDLERS"


def capture(posthog: Any) -> dict[str, Any]:
    """Capture some events; return their ids, and the process that accepted them."""
    uuids = [posthog.capture("seen", {"number": number}) for number in range(EACH)]
    return {"pid": os.getpid(), "accepted": [uuid for uuid in uuids if uuid is not None]}


def capture_at_import() -> str | None:
    """Capture while the application is loaded, which may be before the server forks."""
    if INSTALLS_HANDLERS in os.environ:
        posthog_web.install_signal_handlers()
    return posthog_web.capture("loaded", distinct_id="application")
