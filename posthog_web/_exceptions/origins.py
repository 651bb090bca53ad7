"""Whose a class is: the application's, which may be looked into, or a library's, which is not.

What a library keeps in its objects tells nobody why a view failed: connections and their passwords,
requests and their cookies, the rows a query found so far.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Sequence

from posthog_web._exceptions.anatomy import globals_of
from posthog_web._exceptions.files import MAX_KNOWN, Files

# Libraries wherever they lie: in a folder of dependencies within the project, say.
_LIBRARIES = frozenset(
    {
        *("aiohttp", "asgiref", "asyncpg", "attr", "attrs", "boto3", "botocore", "celery"),
        *("django", "fastapi", "flask", "httpx", "jinja2", "kombu", "numpy", "pandas", "posthog"),
        *("posthog_web", "psycopg", "psycopg2", "pydantic", "pydantic_core", "pydantic_settings"),
        *("pymongo", "redis", "requests", "rest_framework", "sqlalchemy", "starlette", "urllib3"),
        *("uvicorn", "werkzeug"),
    }
)

# Of what comes from here not even the application's own descendants are looked into: they are
# requests and responses, evaluate themselves, or stand for something else.
_CLOSED = (
    "_io",
    "aiohttp",
    "asyncio",
    "concurrent",
    "django.conf",
    "django.contrib.sessions",
    "django.core.files",
    "django.core.handlers",
    "django.db.backends",
    "django.db.models.manager",
    "django.db.models.query",
    "django.http",
    "django.test",
    "django.utils",
    "email",
    "fastapi.applications",
    "flask.app",
    "flask.config",
    "flask.ctx",
    "flask.sessions",
    "flask.wrappers",
    "http",
    "httpx",
    "io",
    "logging",
    "multiprocessing",
    "os",
    "requests",
    "rest_framework.request",
    "rest_framework.response",
    "socket",
    "socketserver",
    "ssl",
    "starlette.applications",
    "starlette.datastructures",
    "starlette.requests",
    "starlette.responses",
    "starlette.websockets",
    "subprocess",
    "unittest.mock",
    "urllib3",
    "weakref",
    "werkzeug",
)
_CLOSED_BELOW = tuple(f"{name}." for name in _CLOSED)


class Origins:
    """Tells the application's modules from others, as *files* judges what frames they have.

    What *in_app_modules* lists is the application's own, a library too.
    """

    __slots__ = ("_files", "_known", "_listed")

    def __init__(self, files: Files, in_app_modules: tuple[str, ...] = ()) -> None:
        self._files = files
        self._listed = in_app_modules
        self._known: dict[str, bool] = {}

    def may_open(self, modules: Sequence[str]) -> bool:
        """Return whether an object is looked into whose class and its bases come from *modules*."""
        return self.is_own(modules[0]) and not any(
            module in _CLOSED or module.startswith(_CLOSED_BELOW) for module in modules[1:]
        )

    def is_own(self, module: str) -> bool:
        """Return whether the module of this name is the application's."""
        known = self._known.get(module)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            known = self._known[module] = self._judge(module)
        return known

    def _judge(self, module: str) -> bool:
        root = module.partition(".")[0]
        if root in _LIBRARIES and not any(
            module == listed or module.startswith(f"{listed}.") for listed in self._listed
        ):
            return False
        found = sys.modules.get(module)
        if not issubclass(type(found), types.ModuleType):
            return False
        namespace = globals_of(found)  # type: ignore[arg-type]
        path = namespace.get("__file__")
        told = self._files.describe(path if type(path) is str else "", namespace)
        return told.get("in_app") is True
