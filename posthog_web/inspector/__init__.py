"""PostHog on your desk: a local server that speaks PostHog's protocol and shows what arrives.

In a terminal it is `python -m posthog_web inspector`; in a test it is `Inspector`:

    with Inspector() as inspector:
        client = Posthog("phc_test", host=inspector.url)
        client.capture("user123", "paid")
        [event] = inspector.wait_for(1, name="paid")

It knows `/batch/` and its kin (protocol v0), `/i/v1/analytics/events` (protocol v1, with results of
single events), `/i/v0/ai/batch/` and `/flags/`, tells what is wrong with an event, and practises
outages: `inspector.answer(503, times=2)`.

Needs starlette and uvicorn: `pip install "posthog-web[inspector]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posthog_web.inspector.server import Inspector

__all__ = ["Inspector"]

INSTALLATION_HINT = (
    'The inspector needs starlette and uvicorn: pip install "posthog-web[inspector]"'
)

_EXTRA = frozenset({"starlette", "uvicorn", "anyio"})


def is_about_the_extra(error: ModuleNotFoundError) -> bool:
    """Return whether *error* says that a package of the extra is missing."""
    return (error.name or "").partition(".")[0] in _EXTRA


def __getattr__(name: str) -> object:
    # Importing this package must stay cheap and possible without the extra's packages.
    if name != "Inspector":
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    try:
        from posthog_web.inspector.server import Inspector  # noqa: PLC0415 (see above)
    except ModuleNotFoundError as error:
        if not is_about_the_extra(error):
            raise
        raise ModuleNotFoundError(INSTALLATION_HINT, name=error.name) from error
    return Inspector
