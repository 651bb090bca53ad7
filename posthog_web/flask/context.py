"""Flask's context of a request."""

from __future__ import annotations

from typing import Any

from flask.globals import request_ctx


def current_context() -> object:
    """Return the request context itself, past Flask's proxy of it."""
    proxy: Any = request_ctx
    return proxy._get_current_object()  # noqa: SLF001 - Werkzeug's way
