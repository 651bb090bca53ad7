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


TRANSACTIONS = """
from django.contrib.auth.backends import ModelBackend
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext, override_settings

class Failing(ModelBackend):
    swallows = False
    def get_user(self, pk):
        User.objects.create(username="kept before failing")
        try:
            # Its own block, without a savepoint, marks the transaction around as broken.
            User(pk=pk, username="again").save(force_insert=True)
        except IntegrityError:
            if not self.swallows:
                raise
        return super().get_user(pk)

def view(request):
    with transaction.atomic(savepoint="savepoint" in request.GET):
        if "load" in request.GET:
            bool(request.user.is_authenticated)
        with CaptureQueriesContext(connection) as queries:
            request.posthog.capture("inside")
            request.posthog.capture("inside")
        User.objects.create(username=request.GET["name"])
    request.posthog.capture("outside")
    seen.append([query["sql"] for query in queries])
    return HttpResponse("ok")

seen = []
urlpatterns[:] = [path("", view)]
user = User.objects.create_user("alice")
client = Client()
client.force_login(user)

def names():
    return set(User.objects.values_list("username", flat=True))
"""


@pytest.mark.parametrize("swallows", [False, True])
def test_a_lookup_that_fails_leaves_the_transaction_as_it_was(
    tmp_path: Path, *, swallows: bool
) -> None:
    """A backend's error inside atomic(), in any kind of it, breaks nothing but the lookup."""
    run(
        TRANSACTIONS
        + f"""
Failing.swallows = {swallows}
"""
        + """
with override_settings(AUTHENTICATION_BACKENDS=["__main__.Failing"]), record_events() as events:
    session = client.session
    session["_auth_user_backend"] = "__main__.Failing"
    session.save()
    for name in ("plain", "savepoint"):
        assert client.get(f"/?name={name}&{name}").status_code == 200
    connection.settings_dict["ATOMIC_REQUESTS"] = True
    assert client.get("/?name=request").status_code == 200
    connection.settings_dict["ATOMIC_REQUESTS"] = False
assert names() == {"alice", "plain", "savepoint", "request"}, names()
assert len(events) == 9
assert all(event.is_personless for event in events) or Failing.swallows
""",
        tmp_path,
    )


def test_a_function_that_fails_leaves_the_transaction_as_it_was(tmp_path: Path) -> None:
    """So does the application's own function for the id, whose user was loaded already."""
    run(
        TRANSACTIONS
        + """
def choose(user):
    User(pk=user.pk, username="again").save(force_insert=True)

with override_settings(POSTHOG={"PROJECT_API_KEY": "phc_test", "DISTINCT_ID": choose}):
    with record_events() as events:
        assert client.get("/?name=bob&load").status_code == 200
assert names() == {"alice", "bob"}, names()
assert len(events) == 3
assert all(event.is_personless for event in events)
""",
        tmp_path,
    )


def test_a_lookup_in_a_transaction_costs_one_savepoint_more(tmp_path: Path) -> None:
    """Session and user, between a savepoint and its release; nothing where the user is loaded."""
    run(
        TRANSACTIONS
        + """
with record_events() as events:
    client.get("/?name=bob")
    client.get("/?name=carl&load")
    Client().get("/?name=dora")
words = [[sql.split()[0] for sql in statements] for statements in seen]
assert words == [["SAVEPOINT", "SELECT", "SELECT", "RELEASE"], [], []], seen
assert [event.distinct_id for event in events[:6]] == [str(user.pk)] * 6
assert names() == {"alice", "bob", "carl", "dora"}
""",
        tmp_path,
    )


BARE = """
import asyncio
import django
from types import SimpleNamespace
from django.conf import settings
settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    INSTALLED_APPS=["posthog_web.django", *{apps}],
    MIDDLEWARE=["posthog_web.django.PosthogMiddleware", *{middleware}],
    POSTHOG={{"PROJECT_API_KEY": "phc_test"}},
)
django.setup()
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.urls import path
from django.utils.functional import SimpleLazyObject
from posthog_web.testing import record_events

class Token:
    def __init__(self, get_response):
        self.get_response = get_response
    def __call__(self, request):
        ada = SimpleNamespace(is_authenticated=True, pk="ada")
        request.user = SimpleLazyObject(lambda: ada)
        return self.get_response(request)

def view(request):
    request.posthog.capture("seen")
    return HttpResponse("ok")

async def view_async(request):
    return view(request)

urlpatterns = [path("", view), path("async", view_async)]
VISITOR = {{"x-posthog-distinct-id": "visitor-7"}}
with record_events() as events:
    for url in ("/", "/async"):
        Client().get(url, headers=VISITOR)
        asyncio.run(AsyncClient().get(url, headers=VISITOR))
print({{event.distinct_id if not event.is_personless else None for event in events}}, len(events))
"""


@pytest.mark.parametrize(
    ("apps", "middleware", "person"),
    [
        (["django.contrib.sessions"], [], "visitor-7"),
        ([], [], "visitor-7"),
        ([], ["__main__.Token"], None),
        (["django.contrib.sessions"], ["__main__.Token"], None),
    ],
    ids=["no-middleware", "no-sessions", "token", "token-without-session"],
)
def test_a_project_may_do_without_sessions(
    apps: list[str], middleware: list[str], person: str | None
) -> None:
    """Where no session is made the visitor is the person; never beside a lazy user of another's."""
    done = subprocess.run(
        [sys.executable, "-c", BARE.format(apps=apps, middleware=middleware)],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == f"{ {person} } 4"


def test_sessions_without_users_say_nothing_of_who_it_is() -> None:
    """A project without Django's users: the visitor is the person, and nothing is logged."""
    program = """
import logging
import sys
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="__main__",
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    INSTALLED_APPS=["django.contrib.sessions", "posthog_web.django"],
    MIDDLEWARE=["posthog_web.django.PosthogMiddleware",
                "django.contrib.sessions.middleware.SessionMiddleware"],
    POSTHOG={"PROJECT_API_KEY": "phc_test"},
)
django.setup()
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from posthog_web.testing import record_events

def view(request):
    request.session["seen"] = True
    request.posthog.capture("seen")
    return HttpResponse("ok")

async def view_async(request):
    return view(request)

class Heard(logging.Handler):
    def emit(self, record):
        heard.append(record.getMessage())

heard = []
logging.getLogger("posthog_web").addHandler(Heard())
urlpatterns = [path("", view), path("async", view_async)]
VISITOR = {"x-posthog-distinct-id": "visitor-7"}
with record_events() as events:
    client = Client()
    for url in ("/", "/", "/async"):
        client.get(url, headers=VISITOR)
assert [event.distinct_id for event in events] == ["visitor-7"] * 3, list(events)
assert heard == [], heard
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_backend_that_only_coroutines_can_ask_tells_the_user(tmp_path: Path) -> None:
    """Whom an asynchronous view would be told is the person, not whom a header names.

    Inside a transaction it is asked on the connection that has it.
    """
    run(
        """
import asyncio
from django.contrib.auth.backends import BaseBackend
from django.db import transaction
from django.test import AsyncClient, override_settings

class OnlyAsync(BaseBackend):
    async def aget_user(self, user_id):
        return await User.objects.filter(pk=user_id).afirst()

async def view(request):
    request.posthog.capture("seen")
    if "read" in request.GET:
        await request.auser()
    return HttpResponse("ok")

async def ask(query):
    client = AsyncClient()
    client.cookies["sessionid"] = key
    return (await client.get(query, headers=VISITOR)).headers.items()

BACKEND = "__main__.OnlyAsync"
urlpatterns[:] = [path("", view)]
user = User.objects.create_user("alice")
if hasattr(BaseBackend, "aget_user"):
    with override_settings(AUTHENTICATION_BACKENDS=[BACKEND]), record_events() as events:
        client = Client()
        client.force_login(user, BACKEND)
        key = client.session.session_key
        headers = asyncio.run(ask("/"))
        with transaction.atomic():
            asyncio.run(ask("/?read"))
            User.objects.filter(pk=user.pk).update(username="bob")
    assert [event.distinct_id for event in events] == [str(user.pk)] * 2, list(events)
    assert "vary" not in {name.lower() for name, _ in headers}
""",
        tmp_path,
    )


@pytest.mark.parametrize("name", ["SessionMiddleware", "Store"])
def test_who_captures_before_there_is_a_session_does_not_decide_who_it_is(
    tmp_path: Path, name: str
) -> None:
    """Though a middleware has looked for the view already, the user goes before the visitor."""
    run(
        f"""
import asyncio
from django.contrib.sessions.middleware import SessionMiddleware
from django.test import AsyncClient, override_settings
from django.urls import resolve

class Early:
    def __init__(self, get_response):
        self.get_response = get_response
    def __call__(self, request):
        request.resolver_match = resolve(request.path_info)
        request.posthog.capture("early")
        return self.get_response(request)

class Store(SessionMiddleware):
    pass

def view(request):
    request.posthog.capture("seen")
    return HttpResponse("ok")

urlpatterns[:] = [path("", view)]
user = User.objects.create_user("alice")
MIDDLEWARE = [
    "posthog_web.django.PosthogMiddleware",
    "__main__.Early",
    "__main__.{name}",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
with override_settings(MIDDLEWARE=MIDDLEWARE), record_events() as events:
    client = Client()
    client.force_login(user)
    client.get("/", headers=VISITOR)
    other = AsyncClient()
    other.cookies = client.cookies
    asyncio.run(other.get("/", headers=VISITOR))
seen = [event.distinct_id for event in events if event.event == "seen"]
assert seen == [str(user.pk)] * 2, list(events)
early = [event.is_personless for event in events if event.event == "early"]
assert early == [{name != "Store"}] * 2, list(events)
""",
        tmp_path,
    )


def test_a_backend_that_can_be_asked_both_ways_is_asked_at_once(tmp_path: Path) -> None:
    """What it has for coroutines may belong to a loop, of which a synchronous server has none."""
    run(
        """
from django.contrib.auth.backends import BaseBackend
from django.test import override_settings

class Both(BaseBackend):
    def get_user(self, user_id):
        return User.objects.filter(pk=user_id).first()
    async def aget_user(self, user_id):
        raise RuntimeError("attached to a different loop")

def view(request):
    request.posthog.capture("seen")
    return HttpResponse("ok")

BACKEND = "__main__.Both"
urlpatterns[:] = [path("", view)]
user = User.objects.create_user("alice")
with override_settings(AUTHENTICATION_BACKENDS=[BACKEND]), record_events() as events:
    client = Client()
    client.force_login(user, BACKEND)
    client.get("/", headers=VISITOR)
assert [event.distinct_id for event in events] == [str(user.pk)], list(events)
""",
        tmp_path,
    )


@pytest.mark.parametrize("backend", ["signed_cookies", "db", "cache", "file"])
def test_a_session_that_is_saved_stays_the_users(tmp_path: Path, backend: str) -> None:
    """What a coroutine captures before it changes a session is the user's, whatever is stored how.

    Before it ends the session, it is the user's or nobody's.
    """
    run(
        """
async def view(request):
    request.posthog.capture("before")
    if "flush" in request.GET:
        await sync_to_async(request.session.flush)()
        request.session["again"] = True
    else:
        await sync_to_async(request.session.__setitem__)("anything", 1)
    request.posthog.capture("after")
    return HttpResponse("ok")

from asgiref.sync import sync_to_async
urlpatterns[:] = [path("", view)]
user = User.objects.create_user("alice")
client = Client()
client.force_login(user)
with record_events() as events:
    for _ in range(2):
        client.get("/", headers=VISITOR)
    client.get("/?flush", headers=VISITOR)
assert [event.distinct_id for event in events[:4]] == [str(user.pk)] * 4, list(events)
assert events.named("before")[-1].is_personless
assert events.named("after")[-1].distinct_id == "victim"
""",
        tmp_path,
        f"django.contrib.sessions.backends.{backend}",
    )


@pytest.mark.parametrize("engine", ["db", "signed_cookies"])
def test_a_transaction_that_takes_no_queries_hides_the_user_only_in_there(
    tmp_path: Path, engine: str
) -> None:
    """Who it is cannot be asked in a transaction that is to be rolled back, and can after it."""
    run(
        """
from django.db import IntegrityError, transaction

def dry_run(request):
    with transaction.atomic():
        transaction.set_rollback(True)
        request.posthog.capture("inside")
    request.posthog.capture("after")
    return HttpResponse("ok")

def broken(request):
    try:
        with transaction.atomic():
            with transaction.atomic(savepoint=False):
                User(username="alice").save()
    except IntegrityError:
        pass
    try:
        with transaction.atomic():
            try:
                with transaction.atomic(savepoint=False):
                    User(username="alice").save()
            except IntegrityError as error:
                request.posthog.capture_exception(error)
    except transaction.TransactionManagementError:
        pass
    request.posthog.capture("after")
    return HttpResponse("ok")

urlpatterns[:] = [path("dry", dry_run), path("broken", broken)]
user = User.objects.create_user("alice")
client = Client()
client.force_login(user)
for url, inside in (("/dry", "inside"), ("/broken", "$exception")):
    with record_events() as events:
        assert client.get(url, headers=VISITOR).status_code == 200
    assert events.one(inside).is_personless, list(events)
    assert events.one("after").distinct_id == str(user.pk), (url, list(events))
""",
        tmp_path,
        f"django.contrib.sessions.backends.{engine}",
    )


@pytest.mark.parametrize(
    ("failure", "person"),
    [("InternalError", "alice"), ("OperationalError", None)],
    ids=["refused", "gone"],
)
def test_a_look_up_that_is_refused_now_is_made_later(
    tmp_path: Path, failure: str, person: str | None
) -> None:
    """PostgreSQL refuses all statements after one that failed; a database that is gone stays so."""
    run(
        f"""
FAILURE, PERSON = {failure!r}, {person!r}
"""
        """
from django import db

def refuse(execute, sql, *rest):
    if not sql.startswith("SAVEPOINT"):  # which is the first that gets to the database
        return execute(sql, *rest)
    refused.append(sql)
    raise getattr(db, FAILURE)

def view(request):
    with db.transaction.atomic(), db.connection.execute_wrapper(refuse):
        request.posthog.capture("inside")
        request.posthog.capture("inside")
    request.posthog.capture("after")
    return HttpResponse("ok")

refused = []
urlpatterns[:] = [path("", view)]
user = User.objects.create_user("alice")
client = Client()
client.force_login(user)
with record_events() as events:
    client.get("/", headers=VISITOR)
assert len(refused) == (2 if PERSON else 1), refused
assert all(event.is_personless for event in events.named("inside"))
after = events.one("after")
assert after.distinct_id == str(user.pk) if PERSON else after.is_personless
""",
        tmp_path,
    )
