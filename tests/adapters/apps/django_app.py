"""The application as a Django project: sessions and users in SQLite, under WSGI and under ASGI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.db import connections
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.template import engines
from django.test import Client
from django.test.client import ClientHandler
from django.test.utils import override_settings
from django.urls import include, path, re_path
from django.utils.decorators import sync_and_async_middleware
from django.views import View

import posthog_web
from tests.adapters.apps import django_sessions
from tests.adapters.apps.application import (
    BROKEN,
    PEER,
    Answer,
    AsgiApplication,
    Call,
    WsgiApplication,
    connection_options,
)
from tests.adapters.apps.django_failures import answer_404, answer_500, routes
from tests.adapters.apps.django_project import ERRORS, MIDDLEWARE, OURS, set_up
from tests.adapters.apps.streams import STREAMS, Chunks, as_async, run_stream
from tests.adapters.apps.views import SILENT, STAGE, VIEWS, Ask, run_async


class Broken:
    """A user whose model fails."""

    is_authenticated = True

    @property
    def pk(self) -> int:
        """Fail."""
        msg = "the table of users is gone"
        raise RuntimeError(msg)


@sync_and_async_middleware
def break_user(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Give a request a broken user when its cookie asks for one."""

    def ahead(request: Any) -> None:
        if request.COOKIES.get("user") == BROKEN:
            request.user = Broken()
        if "early" in request.GET and hasattr(request, "posthog"):
            request.posthog.capture("early")

    def answer(request: HttpRequest) -> Any:
        ahead(request)
        return get_response(request)

    async def answer_async(request: HttpRequest) -> Any:
        ahead(request)
        return await get_response(request)

    return answer_async if iscoroutinefunction(get_response) else answer


@sync_and_async_middleware
def look(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Note what a middleware further up can see of a response, and cannot tell apart."""

    def note(response: Any) -> Any:
        seen = {name: type(value).__name__ for name, value in vars(response).items()}
        # Where Django keeps what it will iterate; nobody is to look there.
        seen.pop("_iterator", None)
        content = type(getattr(response, "streaming_content", None)).__name__
        kept = (type(response).__name__, response.streaming, getattr(response, "is_async", None))
        STAGE.trace.append(f"{kept} {content} {sorted(seen.items())}")
        return response

    def answer(request: HttpRequest) -> Any:
        return note(get_response(request))

    async def answer_async(request: HttpRequest) -> Any:
        return note(await get_response(request))

    return answer_async if iscoroutinefunction(get_response) else answer


@sync_and_async_middleware
def tag_early(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Tag each request before its view."""

    def answer(request: Any) -> Any:
        request.posthog.tag("early", True)  # noqa: FBT003 - a value
        return get_response(request)

    async def answer_async(request: Any) -> Any:
        return await answer(request)

    return answer_async if iscoroutinefunction(get_response) else answer


# Views


def asker(request: Any) -> Ask:
    """Return what asks *request* for its posthog, and remember the request weakly."""
    STAGE.watch(request)
    return lambda: getattr(request, "posthog", SILENT)


def sync_view(name: str) -> Callable[[HttpRequest], HttpResponse]:
    """Return the view *name*."""

    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(VIEWS[name](asker(request)))

    return view


def async_view(name: str) -> Any:
    """Return the view *name* as a coroutine."""

    async def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse(await run_async(name, asker(request)))

    return view


def item(request: HttpRequest, number: int, owner: str = "") -> HttpResponse:
    """Show an item."""
    asker(request)().capture("item seen")
    return HttpResponse(f"item {number} {owner}")


def place(request: HttpRequest, **_values: object) -> HttpResponse:
    """Be somewhere, whatever the route's parameters are."""
    asker(request)().capture("was here")
    return HttpResponse("here")


async def place_async(request: HttpRequest, **_values: object) -> HttpResponse:
    """Be somewhere as a coroutine."""
    return place(request)


class Place(View):
    """Be somewhere as a class."""

    def get(self, request: HttpRequest, **_values: object) -> HttpResponse:
        """Be here."""
        return place(request)


def refuse(_request: HttpRequest, kind: str) -> HttpResponse:
    """Refuse in one of the framework's ways."""
    if kind == "missing":
        raise Http404
    if kind == "suspicious":
        raise SuspiciousOperation
    raise PermissionDenied


async def refuse_async(request: HttpRequest, kind: str) -> HttpResponse:
    """Refuse from a coroutine."""
    return refuse(request, kind)


def who(request: Any) -> HttpResponse:
    """Show who is logged in."""
    return HttpResponse(f"hello {request.user}")


def capture_then_who(request: Any) -> HttpResponse:
    """Capture, and only then show who is logged in."""
    asker(request)().capture("seen")
    return who(request)


async def capture_then_who_async(request: Any) -> HttpResponse:
    """Capture, and only then show who is logged in, from a coroutine."""
    asker(request)().capture("seen")
    if hasattr(request, "auser"):
        return HttpResponse(f"hello {await request.auser()}")
    # Django 4.2, where whoever wants the user in a coroutine takes the thread of the database.
    return await sync_to_async(who)(request)


def who_then_capture(request: Any) -> HttpResponse:
    """Show who is logged in, and capture after that."""
    response = who(request)
    asker(request)().capture("seen")
    return response


def log_in(request: HttpRequest, name: str) -> HttpResponse:
    """Log somebody in."""
    from django.contrib.auth import login
    from django.contrib.auth.models import User

    asker(request)().capture("before login")
    login(request, User.objects.get(username=name))
    asker(request)().capture("logged in")
    return HttpResponse("welcome")


async def log_in_async(request: HttpRequest, name: str) -> HttpResponse:
    """Log somebody in from a coroutine."""
    from django.contrib import auth
    from django.contrib.auth.models import User

    # Django 4.2 has no coroutine for it.
    alogin = getattr(auth, "alogin", sync_to_async(auth.login))

    asker(request)().capture("before login")
    await alogin(request, await User.objects.aget(username=name))
    asker(request)().capture("logged in")
    return HttpResponse("welcome")


def log_out(request: HttpRequest) -> HttpResponse:
    """Log out whoever it is."""
    from django.contrib.auth import logout

    asker(request)().capture("before logout")
    logout(request)
    asker(request)().capture("logged out")
    return HttpResponse("goodbye")


async def log_out_async(request: HttpRequest) -> HttpResponse:
    """Log out whoever it is, from a coroutine."""
    from django.contrib import auth

    alogout = getattr(auth, "alogout", sync_to_async(auth.logout))

    asker(request)().capture("before logout")
    await alogout(request)
    asker(request)().capture("logged out")
    return HttpResponse("goodbye")


def template(request: HttpRequest) -> HttpResponse:
    """Render a template that shows the request's person."""
    text = engines["django"].from_string("person: {{ request.posthog.distinct_id }}")
    return HttpResponse(text.render({}, request))


def sync_stream(*, crossed: bool) -> Callable[..., HttpResponseBase]:
    """Return the view that streams what a generator yields, or an asynchronous one."""

    def view(request: HttpRequest, name: str) -> HttpResponseBase:
        produce = as_async if crossed else run_stream
        return StreamingHttpResponse(produce(name, asker(request)))

    return view


def async_stream(*, crossed: bool) -> Any:
    """Return the coroutine that streams what an asynchronous generator yields, or a plain one."""

    async def view(request: HttpRequest, name: str) -> HttpResponseBase:
        produce = run_stream if crossed else as_async
        return StreamingHttpResponse(produce(name, asker(request)))

    return view


def iterable(request: HttpRequest, name: str) -> HttpResponseBase:
    """Stream from what is no generator."""
    return StreamingHttpResponse(Chunks(STREAMS[name](asker(request))))


def file(request: HttpRequest) -> HttpResponseBase:
    """Send a file."""
    asker(request)().capture("seen")
    return FileResponse(Path(__file__).open("rb"))


async def file_async(request: HttpRequest) -> HttpResponseBase:
    """Send a file from a coroutine."""
    return file(request)


handler404, handler500 = answer_404, answer_500

urlpatterns = [
    *routes,
    *(path(name, sync_view(name)) for name in VIEWS),
    *(path(f"async/{name}", async_view(name)) for name in VIEWS),
    path("items/<int:number>/", item),
    path("shop/", include([path("items/<int:number>/", item)])),
    path("of/<owner>/", include([path("items/<int:number>/", item)])),
    path("refuse/<kind>", refuse),
    path("async/refuse/<kind>", refuse_async),
    path("who", who),
    path("capture-then-who", capture_then_who),
    path("async/capture-then-who", capture_then_who_async),
    path("who-then-capture", who_then_capture),
    path("login/<name>", log_in),
    path("async/login/<name>", log_in_async),
    path("logout", log_out),
    path("async/logout", log_out_async),
    path("", include(django_sessions)),
    path("template", template),
    path("stream/<name>", sync_stream(crossed=False)),
    path("async/stream/<name>", async_stream(crossed=False)),
    path("crossed/<name>", sync_stream(crossed=True)),
    path("async/crossed/<name>", async_stream(crossed=True)),
    path("iterable/<name>", iterable),
    path("file", file),
    path("async/file", file_async),
    path("class/<int:number>", Place.as_view()),
    path("named/", include(([path("<slug:name>/", place, name="place")], "places"), namespace="n")),
    path("in/", include([path("mid/<owner>/", include([path("<int:number>", place)]))])),
    path("reset/<uidb64>/<token>/", place),
    path("async/reset/<uidb64>/<token>/", place_async),
    path("hidden/<owner>/<plan>", place),
    re_path(r"^regex/(?P<year>[0-9]{4})(?:/page-(?P<page>\d+))?/?$", place),
    re_path(r"^old/", include([re_path(r"^reset/(?P<token>[^/]+)\.html$", place)])),
]


# The applications


class DjangoWsgi(WsgiApplication):
    """The project behind Django's test client."""

    def __init__(self) -> None:
        self._handler = ClientHandler(enforce_csrf_checks=False)
        self._handler.load_middleware()
        self.callable = WSGIHandler()

    def send(self, call: Call) -> Answer:
        """Send one request."""
        client = Client(raise_request_exception=False)
        client.handler = self._handler
        meta = {
            f"HTTP_{name.upper().replace('-', '_')}": value for name, value in call.all_headers()
        }
        response: Any = client.generic(call.method, call.path, REMOTE_ADDR=PEER, **meta)
        cookies = [("set-cookie", morsel.OutputString()) for morsel in response.cookies.values()]
        return Answer(
            status=response.status_code,
            headers=tuple((name.lower(), value) for name, value in [*response.items(), *cookies]),
            body=response.content,
            error=ERRORS.pop() if ERRORS else None,
            afterwards=posthog_web.get_distinct_id(),
        )

    def close_thread(self) -> None:
        """Close the thread's connection to the database."""
        connections.close_all()


class DjangoAsgi(AsgiApplication):
    """The project as Django's own ASGI application."""

    def last_error(self) -> BaseException | None:
        """Return what Django answered with status 500."""
        return ERRORS.pop() if ERRORS else None


def start_wsgi(stack: ExitStack, *, installed: bool, options: Mapping[str, Any]) -> DjangoWsgi:
    """Return the project under WSGI."""
    _override(stack, installed=installed, options=options)
    return DjangoWsgi()


def start_asgi(stack: ExitStack, *, installed: bool, options: Mapping[str, Any]) -> DjangoAsgi:
    """Return the project under ASGI."""
    _override(stack, installed=installed, options=options)
    return DjangoAsgi(ASGIHandler())


def _override(stack: ExitStack, *, installed: bool, options: Mapping[str, Any]) -> None:
    set_up()
    ERRORS.clear()
    overrides: dict[str, Any] = {
        "MIDDLEWARE": [name for name in MIDDLEWARE if installed or name != OURS]
    }
    if installed:
        # The setting is honoured live: the bare application leaves the other's as it is.
        given = connection_options(options)
        overrides["POSTHOG"] = {name.upper(): value for name, value in given.items()}
    stack.enter_context(override_settings(**overrides))


# For real servers; their options come from the environment.


def wsgi(environ: Any, start_response: Any) -> Any:
    """Serve the project under WSGI."""
    return _served_by_wsgi()(environ, start_response)


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """Serve the project under ASGI."""
    await _served_by_asgi()(scope, receive, send)


@cache
def _served_by_wsgi() -> WSGIHandler:
    set_up()
    return WSGIHandler()


@cache
def _served_by_asgi() -> ASGIHandler:
    # uvicorn imports and calls this on its loop, where Django lets nobody use a database.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(set_up).result()
    return ASGIHandler()
