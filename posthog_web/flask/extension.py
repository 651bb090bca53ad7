"""The Flask extension."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import (
    current_app,
    got_request_exception,
    request,
    request_finished,
    request_started,
)
from flask.signals import request_tearing_down
from werkzeug.local import LocalProxy

from posthog_web import _scope
from posthog_web._guard import safely
from posthog_web._web.body import Body, Passage
from posthog_web._web.lifetime import FAILURES, Lifetime
from posthog_web._web.setup import WebSetup, configure
from posthog_web.errors import ConfigurationError
from posthog_web.flask.source import FlaskSource, current_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask, Request, Response

    from posthog_web._client.core import Client
    from posthog_web._web.request_posthog import RequestPosthog

_PREFIX = "POSTHOG_"
_MAPPINGS = {"super_properties"}
_SOURCE = "flask.got_request_exception"
_HANDLED = "flask.handle_user_exception"
_TEARDOWN = "flask.teardown_request"
_LEFT = "flask.wsgi_app"
# Where a request keeps its lifetime: the environ is its own, and reaches wherever it does. One for
# each application that serves it, by its setup: it may be handed on to another.
_KEY = "posthog_web.lifetimes"
_ENTERED = "posthog_web.context"


class FlaskPosthog:
    """Gives each request ``request.posthog``, and reports exceptions no handler dealt with.

    It keeps no application on itself: one instance may serve several. What belongs to one is in
    ``app.extensions["posthog"]``.
    """

    def __init__(
        self,
        app: Flask | None = None,
        *,
        client: Client | None = None,
        **options: Any,  # noqa: ANN401 - any option
    ) -> None:
        """Set up *app*, if it is given.

        Args:
            app: The application. None: call ``init_app`` later.
            client: The client to capture with. None: one made of the options.
            options: Options of the client and of the adapter; they win over ``app.config``.
        """
        self._client = client
        self._options = options
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
        app.extensions["posthog"] = FlaskState(client=setup.client, setup=setup)
        app.request_class = type(
            app.request_class.__name__,
            (_WithPosthog, app.request_class),
            {"_posthog_setup": setup},
        )
        request_started.connect(_enter, app)
        got_request_exception.connect(_report, app)
        request_finished.connect(_note_response, app)
        request_tearing_down.connect(_leave, app)
        # Each on this one application, as Flask advises for the last of them.
        app.handle_user_exception = _noting_failures(app.handle_user_exception)  # type: ignore[method-assign]
        app.do_teardown_request = _watching_teardown(app.do_teardown_request)  # type: ignore[method-assign]
        app.wsgi_app = _Bounds(app.wsgi_app, setup)  # type: ignore[method-assign]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlaskState:
    """What belongs to one application.

    Attributes:
        client: The client it captures with.
        setup: How it is configured.
    """

    client: Client
    setup: WebSetup


# For templates, beside request and session, and in macros too.
_in_templates = LocalProxy(lambda: _lifetime(request, _setup_of(current_app)).posthog)


class _Bounds:
    """Lets nothing stay current on the server's thread when the application returns.

    Flask's own teardown may come as late as the end of a body, or never if that is abandoned.
    """

    def __init__(self, wsgi_app: WSGIApplication, setup: WebSetup) -> None:
        self._wsgi_app = wsgi_app
        self._setup = setup

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        before = _scope.current()
        # An application may hand the environ of a request it serves on to another one.
        outer = {key: environ.get(key) for key in (_KEY, _ENTERED)} if _KEY in environ else None
        environ[_KEY] = dict(environ.get(_KEY, {}))
        try:
            return self._wsgi_app(environ, start_response)
        except FAILURES as error:
            _report_left(environ, self._setup, error)
            raise
        finally:
            if outer is not None:
                environ.update(outer)
            _scope.put_back(before)


class _WithPosthog:
    """What ``init_app`` adds to the application's request class.

    The setup is the class's own: on a thread without Flask's contexts nothing else tells it.
    """

    environ: dict[str, Any]
    _posthog_setup: WebSetup

    @property
    def posthog(self) -> RequestPosthog:
        """PostHog, bound to this request."""
        return _lifetime(self, self._posthog_setup).posthog


def actual_request() -> Request:
    """Return the request itself, past Flask's proxy of it."""
    proxy: Any = request
    return proxy._get_current_object()  # type: ignore[no-any-return]  # noqa: SLF001 - Werkzeug's way


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
    return app.extensions["posthog"].setup  # type: ignore[no-any-return]  # put there by init_app


def _lifetime(flask_request: Any, setup: WebSetup) -> Lifetime:  # noqa: ANN401 - the request, or Flask's proxy of it
    """Return the lifetime of a request of the application with *setup*, made by who asks first."""
    lifetimes: dict[int, Lifetime] = flask_request.environ.setdefault(_KEY, {})
    lifetime = lifetimes.get(id(setup))
    if lifetime is None:
        actual = actual_request() if flask_request is request else flask_request
        lifetime = lifetimes[id(setup)] = Lifetime(setup, FlaskSource(actual))
    return lifetime


def _enter(app: Flask) -> None:
    # Not in init_app: the environment takes its options when it is made, with its first use.
    app.jinja_env.globals.setdefault("posthog", _in_templates)
    lifetime = _lifetime(request, _setup_of(app))
    request.environ[_ENTERED] = id(current_context())
    lifetime.enter()


@safely
def _report(app: Flask, exception: BaseException) -> None:
    lifetime = _lifetime(request, _setup_of(app))
    lifetime.note_status(500)
    if lifetime.report(exception, _SOURCE):
        # Whom it happened to is known now. A handler of errors may fail, and be seen too late.
        lifetime.scope.hold()


def _noting_failures(handle: Callable[..., Any]) -> Callable[..., Any]:
    """Return Flask's *handle*, which makes a response of an exception, or raises it again."""

    @functools.wraps(handle)
    def handle_and_note(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Flask's, of any version
        try:
            answer = handle(*args, **kwargs)
        except Exception as error:
            if (trace := error.__traceback__) is not None:
                # It goes on as if it had not come by here.
                error.__traceback__ = trace.tb_next
            raise
        _note_failure([*args, *kwargs.values()])
        return answer

    return handle_and_note


@safely
def _note_failure(arguments: list[object]) -> None:
    for error in arguments:
        if isinstance(error, Exception):
            _lifetime(request, _setup_of(current_app)).note_failure(error)


def _watching_teardown(tear_down: Callable[..., None]) -> Callable[..., None]:
    """Return Flask's *tear_down*, which stops with the first function that fails."""

    @functools.wraps(tear_down)
    def tear_down_and_watch(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as above
        try:
            tear_down(*args, **kwargs)
        except Exception as error:
            _report_teardown(error)
            raise

    return tear_down_and_watch


@safely
def _report_teardown(error: Exception) -> None:
    if not _is_dispatched():
        return
    lifetime = _lifetime(request, _setup_of(current_app))
    if not lifetime.streams:
        # What Flask made is never sent: the server has to answer.
        lifetime.note_status(500)
    lifetime.report(error, _TEARDOWN)
    _leave(current_app)


@safely
def _report_left(environ: WSGIEnvironment, setup: WebSetup, error: BaseException) -> None:
    """Report what leaves the application: the end of a process, or an error while handling one."""
    lifetime: Lifetime | None = environ[_KEY].get(id(setup))
    if lifetime is not None:
        if isinstance(error, Exception):
            lifetime.note_status(500)
        lifetime.report(error, _LEFT)


def _note_response(app: Flask, response: Response) -> None:
    lifetime = _lifetime(request, _setup_of(app))
    lifetime.note_response(response, response.status_code)
    lifetime.report_handled(_HANDLED)
    if response.is_streamed and not response.direct_passthrough:
        _go_on(response, lifetime)


@safely
def _go_on(response: Response, lifetime: Lifetime) -> None:
    """Let a streamed body run inside the request, whose context is gone by then.

    What passes through directly, such as a file, is the server's, and is left alone.
    """
    lifetime.scope.hold()
    passage = Passage(lifetime, _SOURCE, keep=actual_request())
    closers = vars(response).get("_on_close", [])
    closers[:] = [passage.bind(closer) for closer in closers]
    response.response = Body(response.response, passage)


def _leave(app: Flask, **_: Any) -> None:  # noqa: ANN401 - the exception, if there was one
    if _is_dispatched():
        del request.environ[_ENTERED]
        _lifetime(request, _setup_of(app)).leave()


def _is_dispatched() -> bool:
    """Return whether the current context is the one that the request is dispatched in.

    Contexts of the same environ may be pushed inside the request, or in a thread of its own.
    """
    return bool(request.environ.get(_ENTERED) == id(current_context()))
