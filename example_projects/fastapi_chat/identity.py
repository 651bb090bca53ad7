"""Who is there: a name in a signed cookie, as Starlette's ``request.user``."""

from __future__ import annotations

from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.requests import HTTPConnection


class CookieBackend(AuthenticationBackend):
    """Reads the name that signing in has left in the session."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        """Return who this is; None for a stranger."""
        name = conn.session.get("name")
        return (AuthCredentials(), SimpleUser(name)) if name else None
