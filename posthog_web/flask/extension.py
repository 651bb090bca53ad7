"""The Flask extension."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from flask import (
    before_render_template,
    current_app,
    got_request_exception,
    has_request_context,
    request,
    request_finished,
    request_started,
)
from flask.signals import request_tearing_down
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy

from posthog_web import _scope
from posthog_web._guard import safely
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import WebSetup, configure
from posthog_web.errors import ConfigurationError
from posthog_web.flask.bodies import bind_body
from posthog_web.flask.context import current_context, current_request
from posthog_web.flask.requests import extend_requests
from posthog_web.flask.serving import Serving, posthog_of, serving_of
from posthog_web.typing import AdapterArguments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Response
    from jinja2 import Environment, Template

    from posthog_web._client.core import Client

T = TypeVar("T")

_PREFIX = "POSTHOG_"
_MAPPINGS = {"super_properties"}
_SOURCE = "flask.got_request_exception"
_HANDLED = "flask.handle_user_exception"
_TEARDOWN = "flask.teardown_request"
_LEFT = "flask.wsgi_app"
# Where the outermost call that serves a request finds its lifetime; a call inside has its own.
_SERVED = "posthog_web.served"


class FlaskPosthog:
    """Gives each request ``request.posthog``, and reports exceptions no handler dealt with.

    It keeps no application on itself: one instance may serve several. How one is set up, and its
    ``client``, is in ``app.extensions["posthog"]``.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        client: Client | None = None,
        **options: Unpack[AdapterArguments],
    ) -> None:
        """Set up *app*, if it is given.

        Args:
            app: The application. None: call ``init_app`` later.
            client: The client to capture with. None: one made of the options.
            options: Options of the client and of the adapter; they win over ``app.config``.
        """
        self._client = client
        self._options: Mapping[str, Any] = {**options}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Set up *app*, from what is written in code and ``app.config["POSTHOG_<OPTION>"]``.

        Raises:
            ConfigurationError: An option is unknown, or has a bad value.
            RuntimeError: The application has the extension already.
        """
        if "posthog" in app.extensions:
            msg = "this application has posthog_web already; call init_app once"
            raise RuntimeError(msg)
        setup = configure(
            arguments=self._options,
            settings=_settings_of(app.config),
            label='app.config["POSTHOG_{NAME}"]',
            client=self._client,
        )
        app.extensions["posthog"] = setup
        extend_requests(app, setup)
        request_started.connect(_enter, app)
        before_render_template.connect(_add_to_templates, app)
        got_request_exception.connect(_report, app)
        request_finished.connect(_note_response, app)
        request_tearing_down.connect(_leave, app)
        # Each on this one application, as Flask advises for the last of them.
        app.handle_user_exception = _observed(app.handle_user_exception, after=_note_failure)  # type: ignore[method-assign]
        app.handle_exception = _observed(app.handle_exception, before=_note_given_up)  # type: ignore[method-assign]
        app.do_teardown_request = _observed(app.do_teardown_request, failed=_report_teardown)  # type: ignore[method-assign]
        app.wsgi_app = _Bounds(app.wsgi_app)  # type: ignore[method-assign]


# For templates, beside request and session, and in macros too.
_in_templates = LocalProxy(lambda: posthog_of(request, _setup_of(current_app)))


class _Bounds:
    """Lets nothing stay current on the server's thread when the application returns.

    Flask's own teardown may come as late as the end of a body, or never if that is abandoned.
    """

    def __init__(self, wsgi_app: WSGIApplication) -> None:
        self._wsgi_app = wsgi_app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        before = _scope.current()
        # An application may hand the environ of a request it serves on, to another or to itself.
        outer = environ.get(_SERVED)
        served: list[Lifetime] = []
        environ[_SERVED] = served
        try:
            return self._wsgi_app(environ, start_response)
        except BaseException as error:
            _forget_last_place(error)
            _report_left(served, error)
            raise
        finally:
            if outer is None:
                environ.pop(_SERVED, None)
            else:
                environ[_SERVED] = outer
            _scope.put_back(before)


def _settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that an application's configuration has.

    Raises:
        ConfigurationError: They are written in one mapping, as for Django.
    """
    settings: dict[str, Any] = {}
    for key, value in config.items():
        name = key.removeprefix(_PREFIX).lower() if key.startswith(_PREFIX) else ""
        if isinstance(value, Mapping) and (name or key == _PREFIX[:-1]) and name not in _MAPPINGS:
            msg = (
                f'app.config["{key}"] must not be a mapping: for Flask each option is written by'
                ' itself, such as app.config["POSTHOG_PROJECT_API_KEY"] = "phc_…"'
            )
            raise ConfigurationError(msg)
        if name:
            settings[name] = value
    return settings


def _setup_of(app: Flask) -> WebSetup:
    return app.extensions["posthog"]  # type: ignore[no-any-return]  # put there by init_app


def _current(app: Flask = current_app) -> Serving:
    """Return what belongs to the request whose context is current."""
    return serving_of(request, _setup_of(app))


@safely
def _enter(app: Flask, **_: Any) -> None:  # noqa: ANN401 - what the signal passes
    if "jinja_env" in vars(app):
        _add_to_environment(app.jinja_env)
    extend_requests(app, _setup_of(app), current_request())
    serving = _current(app)
    serving.context = id(current_context())
    if (served := request.environ.get(_SERVED)) is not None:
        served.append(serving.lifetime)
    serving.lifetime.enter()


@safely
def _add_to_templates(app: Flask, *, template: Template, **_: Any) -> None:  # noqa: ANN401 - as above
    """Add posthog where a template looks for it; macros it imports look there, too."""
    del app
    if has_request_context():
        _add_to_environment(template.environment)


def _add_to_environment(environment: Environment) -> None:
    # Never made for this: it takes its options with its first use, and may not be possible at all.
    environment.globals.setdefault("posthog", _in_templates)


@safely
def _report(app: Flask, exception: BaseException, **_: Any) -> None:  # noqa: ANN401 - as above
    serving = _current(app)
    lifetime = serving.lifetime
    if isinstance(exception, HTTPException) and id(exception) != serving.given_up:
        # An extension's word for what it answers itself: the status of that decides.
        lifetime.note_failure(exception)
        return
    lifetime.note_status(500)
    if lifetime.report(exception, _SOURCE):
        # Whom it happened to is known now. A handler of errors may fail, and be seen too late.
        lifetime.scope.hold()


def _observed(
    call: Callable[..., T],
    *,
    before: Callable[[list[object]], object] | None = None,
    after: Callable[[list[object], T], object] | None = None,
    failed: Callable[[Exception], object] | None = None,
) -> Callable[..., T]:
    """Return Flask's *call*, with functions that are told of its arguments, answer or exception.

    What it raises goes on as if it had not come by here.
    """

    @functools.wraps(call)
    def observed(*args: Any, **kwargs: Any) -> T:  # noqa: ANN401 - as Flask's, of any version
        given = [*args, *kwargs.values()]
        if before is not None:
            before(given)
        try:
            answer = call(*args, **kwargs)
        except BaseException as error:
            _forget_last_place(error)
            if failed is not None and isinstance(error, Exception):
                failed(error)
            raise
        if after is not None:
            after(given, answer)
        return answer

    return observed


def _forget_last_place(error: BaseException) -> None:
    """Take the frame that caught *error* out of its traceback."""
    if (trace := error.__traceback__) is not None:
        error.__traceback__ = trace.tb_next


@safely
def _note_failure(given: list[object], answer: object) -> None:
    serving = _current()
    # Its body is whole, though Flask makes a response of it as of any application's.
    serving.refused = isinstance(answer, HTTPException) and not getattr(
        answer.response, "is_streamed", False
    )
    for error in given:
        if isinstance(error, Exception):
            serving.lifetime.note_failure(error)


@safely
def _note_given_up(given: list[object]) -> None:
    # By its id: an exception kept on the request would keep the request.
    _current().given_up = next((id(one) for one in given if isinstance(one, Exception)), None)


@safely
def _report_teardown(error: Exception) -> None:
    serving = _current()
    if not serving.is_dispatched():
        return
    if not serving.lifetime.streams:
        # What Flask made is never sent: the server has to answer.
        serving.lifetime.note_status(500)
    serving.lifetime.report(error, _TEARDOWN)
    _end(serving)


@safely
def _report_left(served: list[Lifetime], error: BaseException) -> None:
    """Report what leaves the application: the end of a process, or an error while handling one."""
    if isinstance(error, StopIteration):
        return  # It is gunicorn's word for a connection that was taken over, as by a websocket.
    for lifetime in served:
        if isinstance(error, Exception):
            lifetime.note_status(500)
        lifetime.report(error, _LEFT)


@safely
def _note_response(app: Flask, response: Response, **_: Any) -> None:  # noqa: ANN401 - as above
    serving = _current(app)
    serving.lifetime.note_response(response, response.status_code)
    serving.lifetime.report_handled(_HANDLED)
    bind_body(response, serving, _SOURCE)


@safely
def _leave(app: Flask, **_: Any) -> None:  # noqa: ANN401 - as above
    serving = _current(app)
    if serving.is_dispatched():
        _end(serving)


def _end(serving: Serving) -> None:
    """Let the request be over, but for what is called later."""
    serving.context = None
    if not serving.goes_on:
        serving.lifetime.leave()
        return
    if not serving.lifetime.streams:
        serving.lifetime.conclude()
    serving.lifetime.pause()
