"""Django's user, found without being noticed, in a process with settings of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    SESSION_ENGINE=sys.argv[1],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": sys.argv[2]}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "posthog_web.django"],
    MIDDLEWARE=["posthog_web.django.PosthogMiddleware", "__main__.Early",
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware"],
    POSTHOG={"PROJECT_API_KEY": "phc_test"},
)
django.setup()
from django.contrib.auth.models import User
from django.core.management import call_command
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from posthog_web.testing import record_events

class Early:
    def __init__(self, get_response):
        self.get_response = get_response
    def __call__(self, request):
        if "early" in request.GET:
            request.posthog.capture("early")
        return self.get_response(request)

def view(request):
    if "capture" in request.GET:
        request.posthog.capture("view")
    if "read" in request.GET:
        request.session.get("anything")
    return HttpResponse("ok")

urlpatterns = [path("", view)]
call_command("migrate", verbosity=0)
VISITOR = {"x-posthog-distinct-id": "victim"}
"""


def run(check: str, tmp_path: Path, engine: str = "django.contrib.sessions.backends.db") -> None:
    """Run *check* after the set-up."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM + check, engine, str(tmp_path / "db.sqlite3")],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_middleware_before_the_session_does_not_hide_the_user(tmp_path: Path) -> None:
    """An event before there is a session is about nobody; the view's is the user's."""
    run(
        """
user = User.objects.create_user("alice")
client = Client()
client.force_login(user)
with record_events() as events:
    client.get("/?early&capture", headers=VISITOR)
assert events.one("early").is_personless, events[0].raw
assert events.one("view").distinct_id == str(user.pk), events[1].raw
""",
        tmp_path,
    )


@pytest.mark.parametrize("backend", ["signed_cookies", "db", "cache", "file"])
def test_a_broken_session_cookie_is_answered_as_without_us(tmp_path: Path, backend: str) -> None:
    """Capturing changes no cookie and no header, whatever backend finds the session wanting."""
    run(
        """
def answer(query):
    client = Client()
    client.cookies["sessionid"] = "garbage"
    response = client.get(query)
    return sorted(response.headers.items()), bool(response.cookies)
with record_events() as events:
    assert answer("/?read") == answer("/?read&capture")
    assert answer("/?") == answer("/?capture")
assert len(events) == 2
""",
        tmp_path,
        f"django.contrib.sessions.backends.{backend}",
    )


def test_a_thread_of_a_view_keeps_no_connection(tmp_path: Path) -> None:
    """Looking the user up on a thread of the view's own leaves no connection open there.

    One that was open before stays open, and so does the one of the request's thread.
    """
    run(
        """
import threading
from django.db import connection
user = User.objects.create_user("alice")
open_after = {}

def note(name):
    open_after[name] = connection.connection is not None

def in_a_thread(request, name, prepare):
    def work():
        prepare()
        request.posthog.capture(name)
        note(name)
        connection.close()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def view(request):
    if "here" in request.GET:
        connection.close()
        request.posthog.capture("here")
        note("here")
    else:
        in_a_thread(request, "new", lambda: None)
    return HttpResponse("ok")

def busy(request):
    in_a_thread(request, "used", lambda: connection.ensure_connection())
    return HttpResponse("ok")

urlpatterns[:] = [path("", view), path("busy", busy)]
with record_events() as events:
    client = Client()
    client.force_login(user)
    client.get("/?here=1")
    client.get("/")
    client.get("/busy")
assert {event.distinct_id for event in events} == {str(user.pk)}, list(events)
assert sorted(events.names) == ["here", "new", "used"]
assert open_after == {"here": True, "new": False, "used": True}, open_after
""",
        tmp_path,
    )
