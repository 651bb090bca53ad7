"""What Flask's own places are given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import flask
import jinja2
import pytest
from flask import Flask, render_template_string
from flask.sessions import SessionInterface, SessionMixin
from flask_login import LoginManager, UserMixin

import posthog_web
import posthog_web.flask
from posthog_web import Client
from posthog_web.errors import ConfigurationError
from posthog_web.flask import FlaskPosthog
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents


def make_app(key: str) -> Flask:
    """Return an application whose page shows who is there."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key=key)

    @app.get("/")
    def page() -> str:
        return render_template_string("{{ posthog.distinct_id }} {{ posthog.capture('seen') }}")

    return app


def test_templates_have_posthog(posthog_events: RecordedEvents) -> None:
    """Beside request and session stands posthog, bound to the request."""
    client = make_app("phc_one").test_client()

    answer = client.get("/", headers={"X-PostHog-Distinct-Id": "visitor-7"}).text

    event = posthog_events.one("seen")
    assert answer == f"visitor-7 {event.uuid}"
    assert event.distinct_id == "visitor-7"


def test_templates_work_outside_a_request() -> None:
    """Where there is no request there is no posthog, and no error."""
    with make_app("phc_one").app_context():
        assert flask.render_template_string("{{ posthog is defined }}") == "False"


def test_several_applications_have_clients_of_their_own(posthog_events: RecordedEvents) -> None:
    """Two applications with two keys in one process do not mix."""
    one, two = make_app("phc_one"), make_app("phc_two")
    for app in (one, two, one):
        app.test_client().get("/")

    clients = {app.extensions["posthog"].client for app in (one, two)}
    assert {client.options.project_api_key for client in clients} == {"phc_one", "phc_two"}
    assert len(posthog_events) == 3


def test_a_thread_without_contexts_has_the_request(posthog_events: RecordedEvents) -> None:
    """Where none of Flask's contexts is, a request that was handed over still captures."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/<number>")
    def page(number: str) -> str:
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # the proxy's

        def work() -> None:
            request.posthog.capture("in a thread", {"n": number})
            request.posthog.tag("kind", "thread")

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        request.posthog.capture("afterwards")
        return "done"

    answer = app.test_client().get("/7", headers={"X-PostHog-Distinct-Id": "visitor-7"})

    assert answer.text == "done"
    assert [event.distinct_id for event in posthog_events] == ["visitor-7"] * 2
    assert posthog_events.one("in a thread").properties["$request_route"] == "/<number>"
    assert posthog_events.one("afterwards").properties["kind"] == "thread"


def test_a_thread_without_contexts_believes_no_header_where_there_are_logins(
    posthog_events: RecordedEvents,
) -> None:
    """Who is logged in cannot be told there, so an event is about nobody."""
    app = Flask(__name__)
    LoginManager(app)
    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/")
    def page() -> str:
        request = flask.request._get_current_object()  # type: ignore[attr-defined]  # the proxy's
        thread = threading.Thread(target=lambda: request.posthog.capture("in a thread"))
        thread.start()
        thread.join()
        return "done"

    app.test_client().get("/", headers={"X-PostHog-Distinct-Id": "visitor-7"})

    assert posthog_events.one("in a thread").is_personless


def test_a_loader_that_fails_is_asked_once_for_a_request(posthog_events: RecordedEvents) -> None:
    """However much a request captures; the next one tries again."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "not a secret"
    asked: list[str] = []

    @LoginManager(app).user_loader  # type: ignore[untyped-decorator]  # flask-login has no types
    def load(number: str) -> None:
        asked.append(number)
        raise LookupError

    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/")
    def page() -> str:
        for _ in range(3):
            posthog_web.flask.request.posthog.capture("seen")
        return "done"

    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "7"
    for _ in range(2):
        client.get("/", headers={"X-PostHog-Distinct-Id": "visitor-7"})

    assert asked == ["7", "7"]
    assert len(posthog_events) == 6
    assert all(event.is_personless for event in posthog_events)


@pytest.mark.parametrize("path", ["/", "/writes"])
def test_a_loader_that_writes_to_the_session_changes_no_cookie(
    path: str, posthog_events: RecordedEvents
) -> None:
    """Where only a capture asks for the user, the session stays as the view has it."""
    answers = []
    for installed in (False, True):
        app = Flask(__name__)
        app.config["SECRET_KEY"] = "not a secret"

        @LoginManager(app).user_loader  # type: ignore[untyped-decorator]  # flask-login has no types
        def load(number: str) -> Any:
            flask.flash(f"welcome back, {number}")
            user = UserMixin()
            user.id = number
            return user

        if installed:
            FlaskPosthog(app, project_api_key="phc_one")

        @app.get("/")
        @app.get("/writes")
        def page() -> str:
            if flask.request.path == "/writes":
                flask.session["page"] = 1
            posthog_web.capture("seen")
            return "done"

        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = "7"
        client.get(path)
        with client.session_transaction() as session:
            answers.append(dict(session))

    assert answers[0] == answers[1]
    assert posthog_events[-1].distinct_id == "7"


class Plain(dict[str, Any]):
    """A session that knows nothing of changes."""

    accessed = False


class Judging(dict[str, Any], SessionMixin):
    """A session that finds out by itself whether it was changed."""

    modified = property(lambda self: "page" in self)  # type: ignore[assignment]


class Emptied(dict[str, Any], SessionMixin):
    """A session that has lost what it had first: where the rest stands in memory, it shows."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__({"a": 1, "b": 2} | values)
        del self["a"], self["b"]


def serve_session(session: Any, write: Callable[[], None]) -> str:
    """Return the names in *session*, as a view sees it that captures; its loader may *write*."""

    class Sessions(SessionInterface):
        def open_session(self, *_: object) -> Any:
            return session

        def save_session(self, *_: object) -> None:
            """Keep it as it is."""

    app = Flask(__name__)
    app.session_interface = Sessions()

    @LoginManager(app).user_loader  # type: ignore[untyped-decorator]  # flask-login has no types
    def load(number: str) -> Any:
        write()
        user = UserMixin()
        user.id = number
        return user

    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/")
    def page() -> str:
        names = []
        for name in flask.session.keys():  # noqa: SIM118 - the proxy itself has none
            posthog_web.capture("seen")
            names.append(name)
        return " ".join(names)

    return app.test_client().get("/").text


@pytest.mark.parametrize("kind", [Plain, Judging])
def test_any_dict_may_be_the_session(
    kind: Callable[[dict[str, Any]], Any], posthog_events: RecordedEvents
) -> None:
    """Whatever it notes of changes: it tells the user, and a loader's are taken back."""
    session = kind({"_user_id": "7"})

    serve_session(session, lambda: flask.session.update(_user_id="8", page=1))

    assert session == {"_user_id": "7"}
    assert posthog_events.one("seen").distinct_id == "7"


def test_a_view_may_capture_in_a_loop_over_its_session(posthog_events: RecordedEvents) -> None:
    """To look the user up does not touch the session."""
    names = serve_session(Emptied({"_user_id": "7", "cart": 1, "plan": 2}), lambda: None)

    assert names == "_user_id cart plan"
    assert [event.distinct_id for event in posthog_events] == ["7"] * 3


def test_a_request_that_is_handed_on_stays_with_its_application(
    posthog_events: RecordedEvents,
) -> None:
    """A thread of the outer application's disturbs the request of the inner one in nothing."""
    outer, inner = Flask("outer"), Flask("inner")
    FlaskPosthog(outer, project_api_key="phc_outer", super_properties={"app": "outer"})
    FlaskPosthog(
        inner,
        project_api_key="phc_inner",
        super_properties={"app": "inner"},
        request_events=True,
    )
    handed_on: list[flask.Request] = []

    @outer.get("/")
    def hand_on() -> bytes:
        handed_on.append(flask.request._get_current_object())  # type: ignore[attr-defined]  # the proxy's
        return b"".join(inner(flask.request.environ, lambda *_: lambda _: None))

    @inner.get("/")
    def page() -> str:
        posthog = posthog_web.flask.request.posthog
        outermost: Any = handed_on[0]
        thread = threading.Thread(target=lambda: outermost.posthog.capture("in a thread"))
        thread.start()
        thread.join()
        assert posthog_web.flask.request.posthog is posthog
        posthog.capture("seen")
        return "done"

    for _ in range(2):
        handed_on.clear()
        assert outer.test_client().get("/").text == "done"

    assert [(event.event, event.properties["app"]) for event in posthog_events] == [
        ("in a thread", "outer"),
        ("seen", "inner"),
        ("http_request", "inner"),
    ] * 2


@pytest.mark.parametrize("key", ["POSTHOG", "POSTHOG_OPTIONS", "POSTHOG_HOST"])
def test_options_in_a_mapping_are_refused(key: str) -> None:
    """Written as for Django, they would count for nothing; the answer says how Flask has them."""
    app = Flask(__name__)
    app.config[key] = {"PROJECT_API_KEY": "phc_one"}

    with pytest.raises(ConfigurationError) as caught:
        FlaskPosthog(app)

    assert f'app.config["{key}"] must not be a mapping' in str(caught.value)
    assert 'app.config["POSTHOG_PROJECT_API_KEY"] = "phc_…"' in str(caught.value)
    assert "phc_one" not in str(caught.value)


def test_an_option_that_is_a_mapping_and_other_names_are_no_such_slip() -> None:
    """What takes a mapping is given one, and POSTHOG may be anything else of the application's."""
    app = Flask(__name__)
    app.config["POSTHOG"] = "the application's own"
    app.config["POSTHOGS"] = {"mine": 1}
    app.config["POSTHOG_PROJECT_API_KEY"] = "phc_one"
    app.config["POSTHOG_SUPER_PROPERTIES"] = {"region": "eu"}

    FlaskPosthog(app)

    assert app.extensions["posthog"].client.options.super_properties == {"region": "eu"}


class NoTemplates(Flask):
    """An application whose templates cannot be had."""

    def create_jinja_environment(self) -> Any:
        """Refuse."""
        msg = "there are no templates here"
        raise RuntimeError(msg)


def test_templates_are_not_made_for_us(posthog_events: RecordedEvents) -> None:
    """An application that has none, and could have none, answers as ever."""
    app = NoTemplates(__name__)
    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/")
    def page() -> str:
        posthog_web.flask.request.posthog.capture("seen")
        return "done"

    assert app.test_client().get("/").text == "done"
    assert posthog_events.names == ["seen"]


def test_macros_and_templates_of_jinjas_own_have_posthog(posthog_events: RecordedEvents) -> None:
    """What is imported without its context, and what Flask does not render, captures as well."""
    app = Flask(__name__)
    app.jinja_loader = jinja2.DictLoader(
        {
            "macros": "{% macro seen() %}{{ posthog.capture('seen') and '' }}done{% endmacro %}",
            "page": "{% import 'macros' as macros %}{{ macros.seen() }}",
        }
    )
    FlaskPosthog(app, project_api_key="phc_one")
    app.add_url_rule("/flask", "flask", lambda: flask.render_template("page"))
    app.add_url_rule("/jinja", "jinja", lambda: app.jinja_env.get_template("page").render())

    assert [app.test_client().get(path).text for path in ("/flask", "/jinja")] == ["done"] * 2
    assert posthog_events.names == ["seen"] * 2


class OwnRequest(flask.Request):
    """A request with something else of that name."""

    posthog = "the application's own"


def test_a_posthog_of_the_applications_own_stays(
    posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """request.posthog is what it was, one line says so, and all else works."""
    app = Flask(__name__)
    app.request_class = OwnRequest
    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/")
    def page() -> str:
        posthog_web.capture("seen")
        own: Any = flask.request
        return str(own.posthog)

    for _ in range(2):
        assert app.test_client().get("/").text == OwnRequest.posthog
    assert posthog_events.names == ["seen"] * 2
    assert sum("OwnRequest has a posthog" in message for message in caplog.messages) == 1


class LateRequest(flask.Request):
    """A class of requests that is chosen late."""


def test_the_class_of_requests_may_be_chosen_after_us(posthog_events: RecordedEvents) -> None:
    """From the first request on it has its posthog, and is still what was chosen."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key="phc_one")
    app.request_class = LateRequest

    @app.get("/")
    def page() -> str:
        posthog_web.flask.request.posthog.capture("seen")
        return str(isinstance(flask.request, LateRequest))

    for _ in range(2):
        assert app.test_client().get("/").text == "True"
    assert posthog_events.names == ["seen"] * 2
    assert app.request_class.__mro__.count(LateRequest) == 1


def test_a_body_finds_its_user_where_the_application_looks(posthog_events: RecordedEvents) -> None:
    """It is looked up in the request itself, whose contexts end once, as they would without us."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "not a secret"
    opened, closed = [], []

    def database() -> str:
        if "database" not in flask.g:
            opened.append(flask.g.setdefault("database", f"database {len(opened)}"))
        return str(flask.g.database)

    @app.teardown_appcontext
    def close(_error: BaseException | None) -> None:
        closed.append(flask.g.pop("database", None))
        closed.append(flask.g.get("pool"))

    @LoginManager(app).user_loader  # type: ignore[untyped-decorator]  # flask-login has no types
    def load(number: str) -> Any:
        user = UserMixin()
        user.id = f"{number} of {flask.g.tenant} at {flask.request.path}, {flask.session['plan']}"
        database()
        return user

    FlaskPosthog(app, project_api_key="phc_one")

    @app.get("/page")
    def page() -> flask.Response:
        flask.g.tenant = "acme"
        flask.g.pool = "pool"
        database()

        def body() -> Iterator[str]:
            for _ in range(2):
                posthog_web.capture("seen")
                yield "in" if flask.has_request_context() else "out"

        return flask.Response(body())

    client = app.test_client()
    with client.session_transaction() as session:
        session.update(_user_id="7", plan="pro")
    closed.clear()
    assert client.get("/page").text == "outout"

    assert {event.distinct_id for event in posthog_events} == {"7 of acme at /page, pro"}
    assert opened == ["database 0"]
    assert closed == ["database 0", "pool"]


def test_a_stream_keeps_what_its_thread_holds(posthog_events: RecordedEvents) -> None:
    """What the application closes when its context ends is not closed while a body captures."""
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "not a secret"
    ended: list[object] = []
    app.teardown_appcontext(ended.append)

    @LoginManager(app).user_loader  # type: ignore[untyped-decorator]  # flask-login has no types
    def load(number: str) -> Any:
        user = UserMixin()
        user.id = number
        return user

    FlaskPosthog(app, project_api_key="phc_one", request_events=True)

    @app.get("/rows")
    def rows() -> flask.Response:
        def body() -> Iterator[str]:
            for _ in range(3):
                before = len(ended)
                posthog_web.capture("row")
                yield str(len(ended) - before)

        return flask.Response(body())

    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = "7"
    ended.clear()

    assert client.get("/rows").text == "000"
    assert ended == [None]
    assert {event.distinct_id for event in posthog_events} == {"7"}


@pytest.mark.parametrize("through", ["posthog", "context"])
def test_what_is_captured_late_has_the_client_of_its_request(
    through: str, inspector: Inspector
) -> None:
    """Where the application took the request's posthog, it is asked as the request ends."""
    app = Flask(__name__)
    tenants = {"acme": Client("phc_acme", inspector.url)}
    asked: list[str] = []

    def choose(request: flask.Request) -> Client:
        asked.append(request.path)
        return tenants[flask.g.tenant]

    FlaskPosthog(app, project_api_key="phc_usual", host=inspector.url, client_for=choose)
    answered = threading.Event()
    later: list[threading.Thread] = []

    @app.get("/late")
    def late() -> str:
        flask.g.tenant = "acme"
        posthog = posthog_web.flask.request.posthog

        def capture_by_posthog() -> None:
            assert answered.wait(10)
            posthog.capture("late")

        @flask.copy_current_request_context
        def capture_by_context() -> None:
            flask.g.tenant = "acme"
            assert answered.wait(10)
            posthog_web.flask.request.posthog.capture("late")

        works = {"posthog": capture_by_posthog, "context": capture_by_context}
        later.append(threading.Thread(target=works[through]))
        later[0].start()
        return "done"

    assert app.test_client().get("/late").text == "done"
    answered.set()
    later[0].join(10)
    tenants["acme"].shutdown()

    assert asked == ["/late"]
    assert [one["event"] for one in inspector.events()] == ["late"]
    assert {one["envelope"]["api_key"] for one in inspector.requests()} == {"phc_acme"}
