"""The application in Flask, its users known to flask-login."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cache
from typing import Any

import flask
from flask import Flask, Response, abort, got_request_exception, render_template_string
from flask.views import MethodView
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

import posthog_web
from posthog_web.flask import FlaskPosthog
from tests.adapters.apps.application import (
    BROKEN,
    PEER,
    PEOPLE,
    Answer,
    Call,
    WsgiApplication,
    connection_options,
)
from tests.adapters.apps.flask_failures import add_inner, add_outer
from tests.adapters.apps.streams import STREAMS, Chunks
from tests.adapters.apps.views import SILENT, STAGE, VIEWS, run_async


class User(UserMixin):
    """A user as flask-login wants one."""

    def __init__(self, number: str) -> None:
        self.id = number
        self.email = "somebody@example.org"


class Broken(User):
    """A user whose model fails, except when logging in."""

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails

    def get_id(self) -> str:
        """Fail."""
        if self._fails:
            msg = "the table of users is gone"
            raise RuntimeError(msg)
        return BROKEN


# Whom the application was asked for, in order.
LOADED: list[str] = []


def load_user(number: str) -> User:
    """Return the user of a session."""
    LOADED.append(number)
    return Broken(fails=True) if number == BROKEN else User(number)


def posthog_of_request() -> Any:
    """Return the request's posthog."""
    return getattr(flask.request, "posthog", SILENT)


def watch() -> None:
    """Remember the request weakly."""
    STAGE.watch(flask.request._get_current_object())  # type: ignore[attr-defined] # the proxy's


def load_early() -> None:
    """Load the user before the view if the URL asks for it."""
    if "load" in flask.request.args:
        assert current_user.is_authenticated


def sync_view(name: str) -> Callable[[], str]:
    """Return the view *name*."""
    return lambda: VIEWS[name](posthog_of_request)


def async_view(name: str) -> Any:
    """Return the view *name* as a coroutine."""

    async def view() -> str:
        return await run_async(name, posthog_of_request)

    return view


def item(number: int, owner: str = "") -> str:
    """Show an item."""
    posthog_of_request().capture("item seen")
    return f"item {number} {owner}"


def place(**_values: object) -> str:
    """Be somewhere, whatever the route's parameters are."""
    posthog_of_request().capture("was here")
    return "here"


async def place_async(**_values: object) -> str:
    """Be somewhere as a coroutine."""
    return place()


class Place(MethodView):
    """Be somewhere as a class."""

    def get(self, **_values: object) -> str:
        """Be here."""
        return place()


def capture_early() -> None:
    """Capture before the view if the URL asks for it."""
    if "early" in flask.request.args:
        posthog_of_request().capture("early")


def add_places(app: Flask) -> None:
    """Add routes of every kind."""
    app.before_request(capture_early)
    app.add_url_rule("/class/<int:number>", view_func=Place.as_view("class"))
    app.add_url_rule("/reset/<uidb64>/<token>/", "reset", place)
    app.add_url_rule("/async/reset/<uidb64>/<token>/", "reset-async", place_async)
    app.add_url_rule("/hidden/<owner>/<plan>", "hidden", place)
    named = flask.Blueprint("named", __name__, url_prefix="/named")
    named.add_url_rule("/<string(length=3):name>/", "place", place)
    app.register_blueprint(named)
    outer = flask.Blueprint("outer", __name__, url_prefix="/in")
    inner = flask.Blueprint("inner", __name__, url_prefix="/mid/<owner>")
    inner.add_url_rule("/<int:number>", "place", place)
    outer.register_blueprint(inner)
    app.register_blueprint(outer)


def refuse(kind: str) -> Response:
    """Refuse in one of the framework's ways."""
    abort({"missing": 404, "forbidden": 403, "suspicious": 400}[kind])


def log_in(name: str) -> str:
    """Log somebody in."""
    posthog_of_request().capture("before login")
    login_user(Broken(fails=False) if name == BROKEN else User(PEOPLE[name]))
    if name != BROKEN:
        posthog_of_request().capture("logged in")
    return "welcome"


def log_out() -> str:
    """Log out whoever it is."""
    posthog_of_request().capture("before logout")
    logout_user()
    posthog_of_request().capture("logged out")
    return "goodbye"


async def log_in_async(name: str) -> str:
    """Log somebody in from a coroutine."""
    return log_in(name)


async def log_out_async() -> str:
    """Log out whoever it is, from a coroutine."""
    return log_out()


def template() -> str:
    """Render a template that shows the request's person."""
    return render_template_string("person: {{ request.posthog.distinct_id }}")


def stream(name: str) -> Response:
    """Stream what a generator yields, outside of Flask's contexts."""
    posthog = posthog_of_request()
    return Response(STREAMS[name](lambda: posthog))


async def stream_async(name: str) -> Response:
    """Stream what a generator yields, from a coroutine."""
    return stream(name)


def stream_in_context(name: str) -> Response:
    """Stream what a generator yields inside Flask's contexts."""
    return Response(flask.stream_with_context(STREAMS[name](posthog_of_request)))


def nested() -> str:
    """Push a context of a request that nobody made, as code that renders mails does."""
    posthog_of_request().tag("before", 1)
    with flask.current_app.test_request_context("/mail"):
        posthog_web.capture("inside")
    posthog_of_request().capture("after")
    posthog_web.capture("after, on the module")
    return "sent"


def copied() -> str:
    """Work in a thread that is given Flask's context."""

    @flask.copy_current_request_context
    def work() -> None:
        posthog_of_request().capture("in a thread")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    posthog_web.capture("after")
    return "done"


def iterable(name: str) -> Response:
    """Stream from what is no generator."""
    posthog = posthog_of_request()
    response = Response(Chunks(STREAMS[name](lambda: posthog)))
    response.call_on_close(lambda: posthog_web.capture("called on close"))
    return response


def file() -> Response:
    """Send a file."""
    posthog_of_request().capture("seen")
    return flask.send_file(__file__)


async def file_async() -> Response:
    """Send a file from a coroutine."""
    return file()


def add_bodies(app: Flask) -> None:
    """Add what answers with streams and files, and what pushes contexts of its own."""
    app.add_url_rule("/stream/<name>", "stream", stream)
    app.add_url_rule("/async/stream/<name>", "stream-async", stream_async)
    app.add_url_rule("/in-context/<name>", "stream-in-context", stream_in_context)
    app.add_url_rule("/nested", "nested", nested)
    app.add_url_rule("/copied", "copied", copied)
    app.add_url_rule("/iterable/<name>", "iterable", iterable)
    app.add_url_rule("/file", "file", file)
    app.add_url_rule("/async/file", "file-async", file_async)


def make_app(config: Mapping[str, Any], *, installed: bool, users: bool = True) -> Flask:
    """Return the application, with or without users."""
    app = Flask(__name__)
    app.config.update(SECRET_KEY="not a secret", **config)
    app.before_request(watch)
    add_outer(app)
    for name in VIEWS:
        app.add_url_rule(f"/{name}", name, sync_view(name))
        app.add_url_rule(f"/async/{name}", f"async-{name}", async_view(name))
    app.add_url_rule("/items/<int:number>/", "item", item)
    app.add_url_rule("/refuse/<kind>", "refuse", refuse)
    app.add_url_rule("/login/<name>", "login", log_in)
    app.add_url_rule("/async/login/<name>", "login-async", log_in_async)
    app.add_url_rule("/logout", "logout", log_out)
    app.add_url_rule("/async/logout", "logout-async", log_out_async)
    app.add_url_rule("/template", "template", template)
    add_bodies(app)
    add_places(app)
    shop = flask.Blueprint("shop", __name__, url_prefix="/shop")
    shop.add_url_rule("/items/<int:number>/", "item", item)
    app.register_blueprint(shop)
    app.register_blueprint(shop, name="owned", url_prefix="/of/<owner>")
    if users:
        app.before_request(load_early)
        LoginManager(app).user_loader(load_user)
    if installed:
        FlaskPosthog().init_app(app)
    add_inner(app)
    return app


class FlaskApplication(WsgiApplication):
    """The application behind Flask's test client."""

    def __init__(self, app: Flask) -> None:
        self.app = self.callable = app
        self._errors: list[BaseException] = []
        got_request_exception.connect(self._note_error, app)

    def _note_error(self, _app: Flask, exception: BaseException, **_: object) -> None:
        self._errors.append(exception)

    def send(self, call: Call) -> Answer:
        """Send one request."""
        with self.app.test_client(use_cookies=False).open(
            call.path,
            method=call.method,
            headers=call.all_headers(),
            environ_overrides={"REMOTE_ADDR": PEER},
        ) as response:
            return Answer(
                status=response.status_code,
                headers=tuple((name.lower(), value) for name, value in response.headers),
                body=response.data,
                error=self._errors.pop() if self._errors else None,
                afterwards=posthog_web.get_distinct_id(),
            )


def start(stack: ExitStack, *, installed: bool, options: Mapping[str, Any]) -> FlaskApplication:  # noqa: ARG001 - it needs no end
    """Return the application."""
    config = {
        f"POSTHOG_{name.upper()}": value for name, value in connection_options(options).items()
    }
    return FlaskApplication(make_app(config if installed else {}, installed=installed))


def wsgi(environ: Any, start_response: Any) -> Any:
    """Serve the application; its options come from the environment."""
    return _served()(environ, start_response)


@cache
def _served() -> Flask:
    return make_app({}, installed=True)
