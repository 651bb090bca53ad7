"""What can be read of a request from Flask, without leaving a trace there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import g, has_request_context
from flask.globals import request_ctx

from posthog_web._web.request_info import RequestInfo

if TYPE_CHECKING:
    from flask import Request


class FlaskSource:
    """A Flask request, read only."""

    __slots__ = ("_request",)

    def __init__(self, request: Request) -> None:
        """Read *request* when somebody asks."""
        self._request = request

    def describe(self) -> RequestInfo:
        """Return what is known of the request."""
        request = self._request
        headers = request.headers
        return RequestInfo(
            method=request.method,
            scheme=request.scheme,
            # Not request.host: a host that is not trusted would raise.
            host=request.environ.get("HTTP_HOST") or _server(request.environ),
            path=request.root_path.rstrip("/") + request.path,
            peer=request.environ.get("REMOTE_ADDR", ""),
            forwarded_for=headers.getlist("X-Forwarded-For"),
            user_agent=headers.get("User-Agent", ""),
            distinct_ids=headers.getlist("X-Posthog-Distinct-Id"),
            session_ids=headers.getlist("X-Posthog-Session-Id"),
            window_ids=headers.getlist("X-Posthog-Window-Id"),
        )

    def route(self) -> str | None:
        """Return the rule that matched."""
        rule = self._request.url_rule
        return None if rule is None else rule.rule

    def find_user(self) -> object:
        """Return Flask-Login's user: the one it loaded, else the one its session names.

        It is never asked to load one: that would query the application's database, and mark the
        session as read, which adds ``Vary: Cookie`` to the response.
        """
        if not has_request_context():
            return None
        loaded = g.get("_login_user")
        if loaded is not None:
            return loaded
        named = _peek("_user_id")
        return None if named is None else _NamedUser(named)

    async def resolve_user(self) -> None:
        """Do nothing: there is no more to find."""

    def awaits_user(self) -> bool:
        """Return False: Flask's requests are served on a thread."""
        return False


class _NamedUser:
    """A user known by what the session says."""

    is_authenticated = True

    def __init__(self, name: object) -> None:
        self.pk = name


def _peek(key: str) -> object:
    """Return what the session holds, past all that notes that it was read."""
    # The proxy's own attribute leads past it, to the context itself.
    context = vars(getattr(request_ctx, "_get_current_object")())  # noqa: B009 - typed as the context
    opened = context.get("_session", context.get("session"))
    return dict.get(opened, key) if isinstance(opened, dict) else None


def _server(environ: dict[str, Any]) -> str:
    name, port = environ.get("SERVER_NAME", ""), environ.get("SERVER_PORT", "")
    return f"{name}:{port}" if name and port else name
