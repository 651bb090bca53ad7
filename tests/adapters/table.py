"""The contract's columns, and the cells that stay empty.

A row is a test function that asks for ``start``: it runs once for each adapter, except where this
page says that it does not apply. The table itself is printed when the tests are over.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """One column.

    Attributes:
        name: What it is called.
        module: Where its application is, among ``tests.adapters.apps``.
        start: The function there that starts it in process.
        served: The server and the callable it serves.
        source: What its exceptions give as their source.
    """

    name: str
    module: str
    start: str = "start"
    served: tuple[str, str] = ("uvicorn", "asgi")
    source: str = "asgi.middleware"

    def find_start(self) -> Callable[..., Any]:
        """Import the application, and return what starts it."""
        module = importlib.import_module(f"tests.adapters.apps.{self.module}")
        start: Callable[..., Any] = getattr(module, self.start)
        return start


GUNICORN = ("gunicorn", "wsgi")
DJANGO_SOURCE = "django.middleware"
FLASK_SOURCE = "flask.got_request_exception"

ADAPTERS: Mapping[str, Adapter] = {
    adapter.name: adapter
    for adapter in (
        Adapter(
            name="Django WSGI",
            module="django_app",
            start="start_wsgi",
            served=GUNICORN,
            source=DJANGO_SOURCE,
        ),
        Adapter(name="Django ASGI", module="django_app", start="start_asgi", source=DJANGO_SOURCE),
        Adapter(name="Flask", module="flask_app", served=GUNICORN, source=FLASK_SOURCE),
        Adapter(name="Starlette", module="starlette_app"),
        Adapter(name="FastAPI", module="fastapi_app"),
        Adapter(name="ASGI", module="plain_app"),
    )
}

DJANGO = ("Django WSGI", "Django ASGI")
OURS = ("Starlette", "FastAPI", "ASGI")  # posthog_web.asgi
WSGI = ("Django WSGI", "Flask")


def all_but(*names: str) -> tuple[str, ...]:
    """Return the names of all other adapters."""
    return tuple(name for name in ADAPTERS if name not in names)


@dataclass(frozen=True, slots=True, kw_only=True)
class NotApplicable:
    """Cells that stay empty: rows by their test's name, the adapters, and why."""

    rows: tuple[str, ...]
    adapters: tuple[str, ...]
    because: str


NOT_APPLICABLE = (
    NotApplicable(
        rows=("test_the_first_usable_of_repeated_headers_counts",),
        adapters=(*DJANGO, "Flask"),
        because="the server or the framework joins repeated headers before anybody sees them",
    ),
    NotApplicable(
        rows=(
            "test_an_event_after_a_login_is_about_who_logged_in",
            "test_an_event_before_a_login_is_about_the_visitor",
            "test_a_logout_counts_from_then_on",
        ),
        adapters=OURS,
        because="who is logged in is settled before the application is called",
    ),
    NotApplicable(
        rows=(
            "test_a_stale_session_is_left_as_it_is",
            "test_a_session_that_the_view_changes_counts_from_then_on",
        ),
        adapters=all_but(*DJANGO),
        because="only Django's sessions go stale with a password, and end without a logout",
    ),
    NotApplicable(
        rows=("test_the_user_shown_after_a_capture_still_varies_the_page",),
        adapters=all_but(*DJANGO),
        because="only Django adds Vary when a view asks for the user",
    ),
    NotApplicable(
        rows=(
            "test_a_request_that_captures_nothing_asks_the_database_nothing",
            "test_one_capture_asks_the_database_what_the_user_needs_once",
        ),
        adapters=all_but(*DJANGO),
        because="only Django keeps sessions and users in a database by itself",
    ),
    NotApplicable(
        rows=(
            "test_a_request_that_captures_nothing_asks_the_application_nothing",
            "test_what_captures_asks_the_application_once",
        ),
        adapters=all_but("Flask"),
        because="only flask-login finds users with a function of the application's",
    ),
    NotApplicable(
        rows=("test_a_page_that_captures_for_a_stranger_does_not_vary",),
        adapters=("Flask",),
        because="flask-login reads the session, and so varies every page, on its own account",
    ),
    NotApplicable(
        rows=("test_it_works_in_a_template",),
        adapters=OURS,
        because="their templates are given the request the endpoint has",
    ),
    NotApplicable(
        rows=(
            "test_the_route_is_a_template",
            "test_a_route_may_be_excluded",
            "test_the_route_is_whole",
            "test_a_path_that_leads_nowhere_has_no_route",
            "test_secrets_of_a_path_are_masked",
            "test_secrets_are_masked_before_anything_is_routed",
            "test_a_secret_may_be_any_text",
            "test_secrets_are_masked_where_the_path_comes_close",
            "test_other_parameters_may_be_masked",
            "test_a_path_without_secrets_stays",
            "test_expected_errors_are_not_exceptions",
            "test_a_refusal_that_is_to_be_reported",
        ),
        adapters=("ASGI",),
        because="without a framework there are neither routes nor errors with a status",
    ),
    NotApplicable(
        rows=(
            "test_a_websocket_is_a_request_too",
            "test_a_failing_websocket_is_one_exception",
            "test_a_failing_conversation",
        ),
        adapters=(*DJANGO, "Flask"),
        because="the framework itself serves no websockets",
    ),
    NotApplicable(
        rows=(
            "test_what_was_captured_before_the_lifespan_ends_has_left",
            "test_an_application_may_live_twice",
            "test_a_lifespan_that_fails",
        ),
        adapters=(*DJANGO, "Flask"),
        because="WSGI has no lifespan, and Django refuses ASGI's",
    ),
    NotApplicable(
        rows=("test_a_crowd_of_greenlets_does_not_mix",),
        adapters=all_but(*WSGI),
        because="ASGI needs asyncio, and has no greenlets",
    ),
    NotApplicable(
        rows=("test_two_applications_do_not_mix",),
        adapters=DJANGO,
        because="a process has one Django project",
    ),
    NotApplicable(
        rows=("test_a_client_may_be_given", "test_a_server_may_share_the_state_of_requests"),
        adapters=(*DJANGO, "Flask"),
        because="only the ASGI middleware takes a client, and finds a scope",
    ),
    NotApplicable(
        rows=("test_the_route_is_seen_from_outside",),
        adapters=all_but("Starlette", "FastAPI"),
        because="only an ASGI framework can be wrapped as a whole and still tell its routes",
    ),
    NotApplicable(
        rows=(
            "test_each_chunk_may_be_made_on_another_thread",
            "test_an_abandoned_body_leaks_into_nothing",
            "test_a_file_wrapper_is_given_as_it_is",
        ),
        adapters=all_but(*WSGI),
        because="an ASGI server calls the application once, and waits until it is done",
    ),
    NotApplicable(
        rows=("test_a_client_may_go_away",),
        adapters=WSGI,
        because="a WSGI server closes the body; that is a row above",
    ),
    NotApplicable(
        rows=("test_a_body_of_the_other_kind_captures_too",),
        adapters=all_but(*DJANGO),
        because="only Django turns bodies round",
    ),
    NotApplicable(
        rows=("test_a_middleware_further_up_sees_the_same_response",),
        adapters=all_but(*DJANGO),
        because="elsewhere nobody is given the response's object after us",
    ),
    NotApplicable(
        rows=(
            "test_a_body_behind_starlettes_own_middleware",
            "test_secrets_are_masked_where_a_mount_redirects",
        ),
        adapters=all_but("Starlette", "FastAPI"),
        because="it is Starlette's",
    ),
    NotApplicable(
        rows=(
            "test_a_body_inside_flasks_context_captures_too",
            "test_flasks_context_may_stay_ours_does_not",
        ),
        adapters=all_but("Flask"),
        because="only Flask has a context of its own to stream with",
    ),
    NotApplicable(
        rows=(
            "test_background_work_is_about_the_person",
            "test_an_error_in_background_work",
            "test_the_inner_of_two_middlewares_does_nothing",
            "test_two_middlewares_of_one_client_need_no_word",
            "test_a_mounted_application_keeps_the_request",
        ),
        adapters=(*DJANGO, "Flask"),
        because="only the ASGI middleware wraps another, and only there work follows the answer",
    ),
    NotApplicable(
        rows=("test_two_servers_on_one_loop_do_not_mix",),
        adapters=WSGI,
        because="they are served on threads; a row above has many of those",
    ),
    NotApplicable(
        rows=("test_a_project_may_name_the_middleware_twice",),
        adapters=all_but(*DJANGO),
        because="Flask refuses to be set up twice, and ASGI has a row of its own",
    ),
    NotApplicable(
        rows=(
            "test_a_request_nested_in_a_view_does_not_end_it",
            "test_a_thread_with_flasks_context_has_the_person",
        ),
        adapters=all_but("Flask"),
        because="only Flask has contexts of its own",
    ),
    NotApplicable(
        rows=("test_an_error_in_a_middleware_further_out",),
        adapters=OURS,
        because="nobody tells an ASGI middleware of what fails outside of it",
    ),
    NotApplicable(
        rows=("test_an_error_in_a_template",),
        adapters=OURS,
        because="a template is rendered in the endpoint",
    ),
    NotApplicable(
        rows=(
            "test_a_failed_view_and_a_failing_middleware",
            "test_a_failing_handler_of_missing_pages",
        ),
        adapters=all_but(*DJANGO),
        because="only Django's middleware is given the answer of what failed, to fail with",
    ),
    NotApplicable(
        rows=("test_a_failing_handler_of_errors",),
        adapters=OURS,
        because="Starlette's stands outside of all middleware, and ASGI has none",
    ),
    NotApplicable(
        rows=("test_an_error_in_a_teardown",),
        adapters=all_but("Flask"),
        because="only Flask has functions that tidy up after a request",
    ),
    NotApplicable(
        rows=("test_a_refusal_with_a_status",),
        adapters=(*DJANGO, "ASGI"),
        because="only HTTPException and abort take any status",
    ),
    NotApplicable(
        rows=("test_a_request_that_is_not_valid",),
        adapters=all_but("FastAPI"),
        because="only FastAPI compares a request with what the endpoint declares",
    ),
    NotApplicable(
        rows=("test_a_body_is_closed_once",),
        adapters=OURS,
        because="ASGI has no close: nobody calls it",
    ),
    NotApplicable(
        rows=("test_a_file_is_the_servers",),
        adapters=("ASGI",),
        because="a bare application sends what it sends",
    ),
    NotApplicable(
        rows=("test_the_dependency_says_what_is_missing",),
        adapters=all_but("Starlette", "FastAPI"),
        because="request.posthog is an attribute of its own only in Starlette's requests",
    ),
)


def applies(row: str, adapter: str) -> bool:
    """Return whether a row has a cell for an adapter."""
    return not any(row in one.rows and adapter in one.adapters for one in NOT_APPLICABLE)
