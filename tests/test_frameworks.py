"""Frameworks around the three, and libraries that bring users of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from django.core.handlers.exception import convert_exception_to_response
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory, override_settings
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user
from litestar import Litestar, Request
from litestar import get as litestar_get
from quart import Quart
from quart import request as quart_request
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.requests import Request as StarletteRequest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

import posthog_web
from posthog_web.asgi import PosthogMiddleware
from posthog_web.django import PosthogMiddleware as DjangoMiddleware
from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.application import AsgiApplication, Call, talk
from tests.adapters.apps.django_project import set_up
from tests.adapters.situation import is_about_nobody

VISITOR = (("X-PostHog-Distinct-Id", "visitor-7"),)


def see(scope: Any) -> None:
    """Capture in both ways, where there is anything to capture with."""
    if (posthog := scope.get("state", {}).get("posthog")) is not None:
        posthog.capture("seen")
        posthog_web.capture("seen by module")


def quart_app() -> Any:
    """Return an application in Quart, which is ASGI and no Starlette."""
    app = Quart(__name__)

    @app.route("/")
    async def page() -> str:
        see(quart_request.scope)
        return "quart"

    return app


def litestar_app() -> Any:
    """Return an application in Litestar."""

    @litestar_get("/", sync_to_thread=False)
    def page(request: Request[Any, Any, Any]) -> str:
        see(request.scope)
        return "litestar"

    # Its own would set up the root logger of whoever runs the tests.
    return Litestar([page], logging_config=None)


@pytest.mark.parametrize("make", [quart_app, litestar_app])
def test_the_asgi_middleware_wraps_any_application(
    make: Callable[[], Any], posthog_events: RecordedEvents
) -> None:
    """Quart and Litestar: the answer is theirs, and events have the visitor and the request."""
    call = Call(path="/", headers=VISITOR)
    bare = asyncio.run(AsgiApplication(make()).send_async(call))
    wrapped = AsgiApplication(PosthogMiddleware(make(), project_api_key="phc_any"))

    answer = asyncio.run(wrapped.send_async(call))

    assert (answer.status, answer.headers, answer.body) == (bare.status, bare.headers, bare.body)
    assert posthog_events.names == ["seen", "seen by module"]
    assert {event.distinct_id for event in posthog_events} == {"visitor-7"}
    assert {event.properties["$request_path"] for event in posthog_events} == {"/"}


def test_litestar_tells_where_a_secret_is(posthog_events: RecordedEvents) -> None:
    """The route of Litestar's is known once its router has run, and masks what it calls a token."""

    @litestar_get("/reset/{token:str}/{number:int}", sync_to_thread=False)
    def page(request: Request[Any, Any, Any]) -> str:
        posthog_web.capture("seen")
        return str(request.path_params["number"])

    app = PosthogMiddleware(Litestar([page], logging_config=None), project_api_key="phc_any")
    answer = AsgiApplication(app).send(Call(path="/reset/hunter2/7"))

    assert answer.body == b"7"
    properties = posthog_events.one("seen").properties
    assert properties["$request_route"] == "/reset/{token}/{number}"
    assert properties["$request_path"] == "/reset/<token>/7"
    assert "hunter2" not in str(properties)


@pytest.mark.parametrize("way", ["around", "inside"])
@pytest.mark.parametrize("answers", [True, False], ids=["answered", "passed on"])
def test_an_error_that_quart_answers_is_reported(
    way: str, answers: bool, posthog_events: RecordedEvents
) -> None:
    """Quart answers by itself, and tells of it by a signal; the answer stays its own."""

    def make() -> Any:
        app = Quart(__name__)
        app.config["PROPAGATE_EXCEPTIONS"] = not answers

        @app.route("/")
        async def page() -> str:
            raise LookupError

        return app

    app = make()
    if way == "inside":
        app.asgi_app = PosthogMiddleware(app.asgi_app, project_api_key="phc_quart")
    else:
        app = PosthogMiddleware(app, project_api_key="phc_quart")
    call = Call(path="/", headers=VISITOR)
    answer = AsgiApplication(app).send(call)
    bare = AsgiApplication(make()).send(call)

    assert (answer.status, answer.headers, answer.body) == (bare.status, bare.headers, bare.body)
    assert type(answer.error) is type(bare.error)
    event = posthog_events.one("$exception")
    assert event.distinct_id == "visitor-7"
    assert event.properties["$exception_type"] == "LookupError"
    assert event.properties["$exception_source"] == "quart.got_request_exception"
    assert event.properties["$response_status_code"] == 500
    assert event.properties["$exception_list"][0]["mechanism"]["handled"] is False


def test_an_error_in_a_websocket_of_quarts_is_reported(posthog_events: RecordedEvents) -> None:
    """There is no status; and Quart without our middleware is left alone."""

    def make() -> Any:
        app = Quart(__name__)

        @app.websocket("/")
        async def page() -> None:
            raise LookupError

        return app

    asyncio.run(talk(make(), Call(path="/", headers=VISITOR)))
    assert len(posthog_events) == 0

    wrapped = PosthogMiddleware(make(), project_api_key="phc_quart")
    asyncio.run(talk(wrapped, Call(path="/", headers=VISITOR)))
    event = posthog_events.one("$exception")
    assert event.distinct_id == "visitor-7"
    assert "$response_status_code" not in event.properties


def test_the_user_of_a_token_counts_as_soon_as_it_is_known(
    posthog_events: RecordedEvents,
) -> None:
    """Django REST framework finds its user inside the view; from then on events are theirs."""
    set_up()
    # Importing it reads Django's settings.
    from django.contrib.auth.models import User
    from rest_framework.authentication import BaseAuthentication
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Token(BaseAuthentication):
        def authenticate(self, request: Any) -> tuple[Any, None]:
            return User(pk=int(request.headers["X-Token"])), None

    class Page(APIView):
        authentication_classes = (Token,)

        def get(self, request: Any) -> Response:
            request._request.posthog.capture("in the view")
            posthog_web.capture("by module")
            return Response({})

    view = Page.as_view()

    def serve(request: HttpRequest) -> Any:
        request.posthog.capture("before the view")
        return view(request)

    with override_settings(POSTHOG={"PROJECT_API_KEY": "phc_rest"}):
        DjangoMiddleware(serve)(RequestFactory().get("/", headers={"X-Token": "101"}))

    before, *after = posthog_events
    assert is_about_nobody(before)
    assert [(event.event, event.distinct_id) for event in after] == [
        ("in the view", "101"),
        ("by module", "101"),
    ]


def rest_view(handler: Any, raised: Exception) -> Any:
    """Return a view of Django REST framework that fails, and answers with *handler*."""
    from rest_framework.views import APIView

    class Page(APIView):
        def get_exception_handler(self) -> Any:
            return handler

        def post(self, _request: Any) -> Any:
            raise raised

    return Page.as_view()


def test_what_the_rest_framework_answers_as_a_failure_is_reported(
    posthog_events: RecordedEvents,
) -> None:
    """A failing status is a failure, and handled; the body of the request is still there."""
    set_up()
    from rest_framework.exceptions import APIException, NotFound

    from posthog_web.django.drf import exception_handler

    bodies = []

    def serve(request: HttpRequest) -> HttpResponse:
        response: Any = rest_view(exception_handler, errors[-1])(request)
        bodies.append(request.body)
        return HttpResponse(status=response.status_code)

    errors: list[Exception] = []
    middleware = DjangoMiddleware(serve)
    with override_settings(POSTHOG={"PROJECT_API_KEY": "phc_rest"}):
        for error, status in ((APIException("no"), 500), (NotFound(), 404)):
            errors.append(error)
            request = RequestFactory().post("/", {"name": "ann"}, headers=dict(VISITOR))
            assert middleware(request).status_code == status

    assert all(b"ann" in body for body in bodies)
    event = posthog_events.one("$exception")
    assert event.distinct_id == "visitor-7"
    assert event.properties["$exception_type"] == "APIException"
    assert event.properties["$exception_source"] == "django_rest_framework.exception_handler"
    assert event.properties["$response_status_code"] == 500
    assert event.properties["$exception_list"][0]["mechanism"]["handled"] is True


@pytest.mark.parametrize("status", [None, 400, 503])
def test_a_handler_of_ones_own_is_asked_as_ever(
    status: int | None, posthog_events: RecordedEvents
) -> None:
    """What it is given and answers stays the same; what it leaves to Django is not doubled."""
    set_up()
    from rest_framework.response import Response

    from posthog_web.django.drf import reporting

    asked: list[tuple[object, object]] = []

    @reporting
    def handle(exc: Exception, context: Any) -> Any:
        asked.append((exc, context["view"].__class__.__name__))
        return None if status is None else Response({}, status=status)

    error = LookupError("no such thing")
    serve = convert_exception_to_response(rest_view(handle, error))
    with override_settings(
        POSTHOG={"PROJECT_API_KEY": "phc_rest"}, ROOT_URLCONF="tests.adapters.apps.small"
    ):
        response: Any = DjangoMiddleware(serve)(RequestFactory().post("/"))

    assert response.status_code == (status or 500)
    assert asked == [(error, "Page")]
    assert handle.__name__ == "handle"
    found = [
        (
            one.properties["$exception_source"],
            one.properties["$exception_list"][0]["mechanism"]["handled"],
        )
        for one in posthog_events.named("$exception")
    ]
    drf = ("django_rest_framework.exception_handler", True)
    assert found == {None: [("django.middleware", False)], 400: [], 503: [drf]}[status]


def test_the_rest_frameworks_handler_works_without_the_middleware() -> None:
    """In a project that does not have it, the answer is the answer."""
    set_up()
    from rest_framework.exceptions import APIException

    from posthog_web.django.drf import exception_handler

    response = rest_view(exception_handler, APIException("no"))(RequestFactory().post("/"))

    assert response.status_code == 500


class Everybody(AuthenticationBackend):
    """Logs everybody in as the same user."""

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
        """Return the user, whose name is the only thing it has."""
        del conn
        return AuthCredentials(), SimpleUser("ann")


@pytest.mark.parametrize("order", ["inside", "outside"])
def test_starlettes_users_count_wherever_they_are_found(
    order: str, posthog_events: RecordedEvents
) -> None:
    """An authentication middleware may stand inside or outside of ours."""

    async def page(request: StarletteRequest) -> PlainTextResponse:
        request.state.posthog.capture("seen")
        return PlainTextResponse("")

    ours = Middleware(PosthogMiddleware, project_api_key="phc_starlette")
    theirs = Middleware(AuthenticationMiddleware, backend=Everybody())
    middleware = [ours, theirs] if order == "inside" else [theirs, ours]
    app = AsgiApplication(Starlette(routes=[Route("/", page)], middleware=middleware))

    assert asyncio.run(app.send_async(Call(path="/", headers=VISITOR))).status == 200

    assert posthog_events.one("seen").distinct_id == "ann"


class Member(UserMixin):
    """A user of Flask-Login."""

    id = "101"


def flask_app(*, manager: bool, loader: Callable[[str], object] | None) -> Flask:
    """Return an application that uses Flask-Login as far as it is told to."""
    app = Flask(__name__)
    app.secret_key = "not a secret"
    FlaskPosthog(app, project_api_key="phc_login")
    if manager:
        login = LoginManager(app)
        if loader is not None:
            login.user_loader(loader)

    @app.get("/log-in")
    def log_in() -> str:
        login_user(Member())
        return ""

    @app.get("/")
    def page() -> str:
        posthog_web.capture("seen")
        return ""

    return app


def fail(_number: str) -> object:
    """Fail, as a database may."""
    raise LookupError


@pytest.mark.parametrize(
    ("manager", "loader", "person"),
    [
        (False, None, "visitor-7"),
        (True, None, "101"),
        (True, lambda _number: Member(), "101"),
        (True, lambda _number: None, "visitor-7"),
        (True, fail, None),
    ],
    ids=["not there", "no loader", "complete", "user deleted", "loader fails"],
)
def test_flask_login_may_be_there_in_part(
    manager: bool,
    loader: Callable[[str], object] | None,
    person: str | None,
    posthog_events: RecordedEvents,
) -> None:
    """Whom the session names is asked of the loader; a user it does not know is none."""
    client = flask_app(manager=manager, loader=loader).test_client()
    if manager:
        client.get("/log-in")

    assert client.get("/", headers=dict(VISITOR)).status_code == 200

    event = posthog_events.one("seen")
    assert is_about_nobody(event) if person is None else event.distinct_id == person


@pytest.mark.parametrize("user", ["ann", {"id": 7}, object()], ids=["text", "mapping", "object"])
def test_a_user_in_words_we_do_not_know_is_not_the_headers(
    user: object, posthog_events: RecordedEvents
) -> None:
    """Whoever an application put into the scope, a header does not speak for them."""

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        scope["user"] = user
        posthog_web.capture("seen")
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    wrapped = AsgiApplication(PosthogMiddleware(application, project_api_key="phc_any"))
    asyncio.run(wrapped.send_async(Call(path="/", headers=VISITOR)))

    assert is_about_nobody(posthog_events.one("seen"))
