"""What Flask's proxies stand for."""

from __future__ import annotations

from typing import Any

from flask import request
from flask.globals import request_ctx


def current_context() -> object:
    """Return the current context of a request itself."""
    return _behind(request_ctx)


def current_request() -> Any:  # noqa: ANN401 - the application's own class
    """Return the current request itself."""
    return _behind(request)


def _behind(proxy: Any) -> Any:  # noqa: ANN401 - anything
    return proxy._get_current_object()  # noqa: SLF001 - Werkzeug's way
