"""Places where the Flask application fails when the stage asks it to, and its handlers."""

from __future__ import annotations

from flask import Flask, Response, abort, render_template_string

from tests.adapters.apps.views import STAGE, Trouble


class Broken:
    """Fails when it is shown."""

    def __str__(self) -> str:
        STAGE.fail("template")
        return "whole"


def broken_template() -> str:
    """Show what fails when it is rendered."""
    return render_template_string("shown: {{ thing }}", thing=Broken())


async def broken_template_async() -> str:
    """Show it from a coroutine."""
    return broken_template()


def trouble(status: int) -> str:
    """Raise what has a handler."""
    raise Trouble(status)


async def trouble_async(status: int) -> str:
    """Raise it from a coroutine."""
    return trouble(status)


def aborted(status: int) -> str:
    """Refuse with a status."""
    abort(status)


async def aborted_async(status: int) -> str:
    """Refuse with a status, from a coroutine."""
    abort(status)


def handle(error: Trouble) -> tuple[str, int]:
    """Answer what is expected to happen."""
    STAGE.fail("handler of trouble")
    return "trouble", error.status


def answer_500(_error: Exception) -> tuple[str, int]:
    """Say that something went wrong, or fail at it."""
    STAGE.fail("handler")
    return "something went wrong", 500


def add_outer(app: Flask) -> None:
    """Add what is registered before posthog_web is: it runs first, and last."""

    @app.before_request
    def ahead() -> None:
        STAGE.fail("further out, on the way in")

    @app.after_request
    def behind(response: Response) -> Response:
        STAGE.fail("further out, on the way out")
        return response


def add_inner(app: Flask) -> None:
    """Add what is registered after it."""
    app.add_url_rule("/trouble/<int:status>", "trouble", trouble)
    app.add_url_rule("/async/trouble/<int:status>", "trouble-async", trouble_async)
    app.add_url_rule("/aborted/<int:status>", "aborted", aborted)
    app.add_url_rule("/async/aborted/<int:status>", "aborted-async", aborted_async)
    app.add_url_rule("/broken-template", "broken-template", broken_template)
    app.add_url_rule("/async/broken-template", "broken-template-async", broken_template_async)
    app.register_error_handler(Trouble, handle)
    app.register_error_handler(500, answer_500)

    @app.before_request
    def ahead() -> None:
        STAGE.fail("further in, on the way in")

    @app.after_request
    def behind(response: Response) -> Response:
        STAGE.fail("further in, on the way out")
        return response

    @app.teardown_request
    def tear_down(_error: BaseException | None) -> None:
        STAGE.fail("teardown of the request")

    @app.teardown_appcontext
    def tear_down_all(_error: BaseException | None) -> None:
        STAGE.fail("teardown of the context")
