"""The Django project around the views: settings, a database, and what tests watch in it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory
from typing import Any

import django
from django.conf import settings
from django.core.checks import CheckMessage, registry
from django.core.signals import got_request_exception
from django.db.backends.signals import connection_created
from django.test.utils import override_settings

from tests.adapters.apps.application import PEOPLE

# Where the views, the URLs and a middleware of the project are.
VIEWS = "tests.adapters.apps.django_app"
FAILURES = "tests.adapters.apps.django_failures"
OURS = "posthog_web.django.PosthogMiddleware"
MIDDLEWARE = (
    f"{FAILURES}.outside",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    OURS,
    f"{VIEWS}.break_user",
    f"{FAILURES}.inside",
)

# Every statement any thread sent to the database.
QUERIES: list[str] = []
# What Django turned into an answer with status 500.
ERRORS: list[BaseException | None] = []

# The database goes when the process does.
FOLDER = TemporaryDirectory()


def set_up(posthog: Mapping[str, Any] | None = None) -> None:
    """Configure Django for this process, and make a database with everybody in it."""
    if settings.configured:
        return
    settings.configure(
        SECRET_KEY="not a secret",
        ALLOWED_HOSTS=["*"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{FOLDER.name}/database",
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "posthog_web.django",
        ],
        LOGGING_CONFIG=None,
        MIDDLEWARE=MIDDLEWARE,
        POSTHOG=posthog,
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        ROOT_URLCONF=VIEWS,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
            }
        ],
        USE_TZ=True,
    )
    django.setup()
    connection_created.connect(_watch_queries)
    got_request_exception.connect(_note_error)
    _make_database()


def _make_database() -> None:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name, number in PEOPLE.items():
        user = User(pk=int(number), username=name, email=f"{name}@example.org")
        user.set_password("first")
        user.save()


def change_password(name: str) -> None:
    """Give somebody another password: the sessions they have are void."""
    from django.contrib.auth.models import User

    user = User.objects.get(username=name)
    user.set_password("another")
    user.save()


def is_session(key: str) -> bool:
    """Return whether a session is in the database."""
    from django.contrib.sessions.models import Session

    return Session.objects.filter(pk=key).exists()


def _watch_queries(connection: Any, **_: object) -> None:
    if _note_query not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note_query)


def _note_query(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    QUERIES.append(sql)
    return execute(sql, params, many, context)


def _note_error(**_: object) -> None:
    ERRORS.append(sys.exception())


def run_checks(**overrides: Any) -> list[CheckMessage]:
    """Return what our system checks say with these settings."""
    set_up()
    with override_settings(**overrides):
        return [
            message
            for message in registry.run_checks()
            if str(message.id).startswith("posthog_web.")
        ]
