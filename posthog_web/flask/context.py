"""Flask's contexts: the one that is current, and one that is over."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import flask.globals
from flask import current_app, g
from flask.globals import request_ctx


def current_context() -> object:
    """Return the request context itself, past Flask's proxy of it."""
    return _itself(request_ctx)


def _itself(proxy: Any) -> Any:  # noqa: ANN401 - whatever it stands for
    return proxy._get_current_object()  # noqa: SLF001 - Werkzeug's way through a proxy


class KeptContext:
    """A request's context, for those who ask something when Flask has let go of it."""

    __slots__ = ("__weakref__", "_app", "_context", "_globals")

    def __init__(self) -> None:
        """Keep the current one."""
        self._app = _itself(current_app)
        self._context = current_context()
        self._globals = _itself(g)

    @contextmanager
    def again(self) -> Generator[None]:
        """Return a block in which code of the application's runs as it did in the request.

        The context of the application is another one, with a ``g`` of the same content. What tears
        it down sees only what the block added there: the rest has been torn down, or will be.
        """
        variable = getattr(flask.globals, "_cv_request", None)
        if variable is None:
            yield
            return
        with self._app.app_context() as context:
            kept, inside = dict(vars(self._globals)), vars(context.g)
            inside.update(kept)
            token = variable.set(self._context)
            try:
                yield
            finally:
                variable.reset(token)
                for name, value in kept.items():
                    if inside.get(name) is value:
                        del inside[name]
