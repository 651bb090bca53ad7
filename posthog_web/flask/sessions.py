"""Sessions of Flask-SQLAlchemy, which the application's own look-ups share with its views."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from flask import current_app, has_app_context


def without_autoflush() -> AbstractContextManager[Any]:
    """Return a block in which a query writes nothing of what a view is only half done with.

    A session that nobody has used yet has nothing to write, and is not made for this.
    """
    extension = current_app.extensions.get("sqlalchemy") if has_app_context() else None
    registry = getattr(getattr(extension, "session", None), "registry", None)
    if registry is None or not registry.has():
        return nullcontext()
    return registry().no_autoflush  # type: ignore[no-any-return]  # SQLAlchemy's
