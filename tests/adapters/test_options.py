"""How an adapter is told what to do, and what it does when told wrong or not at all."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from typing import Any

import pytest

from posthog_web import Client
from posthog_web.errors import ConfigurationError
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.views import STAGE
from tests.adapters.situation import BOTH_STYLES, VISITOR, Starter, threads
from tests.adapters.table import Adapter
from tests.process.program import run

IDLE = {
    "no key": {"project_api_key": None},
    "a blank key": {"project_api_key": " "},
    "disabled": {"disabled": True},
    "a personal key": {"project_api_key": "phx_personal"},
    "a secret key": {"project_api_key": "phs_secret"},
}


@BOTH_STYLES
@pytest.mark.parametrize("case", IDLE)
def test_a_client_that_may_not_send_changes_nothing(
    start: Starter, style: str, case: str, inspector: Inspector
) -> None:
    """No key, a wrong one, or disabled: the application works, no thread starts, nothing leaves."""
    before = threads()
    application, bare = start(**{"host": inspector.url, **IDLE[case]}), start.without()

    for view in ("capture", "module-level", "raises", "identified", "grouped", "nothing"):
        path = f"{style}/{view}"
        assert application.get(path, VISITOR) == bare.get(path, VISITOR), path
    assert threads() == before
    assert inspector.requests() == []


def refusal(start: Starter, options: Mapping[str, object]) -> BaseException | None:
    """Return what the application fails with; Starlette makes its middleware when it is needed."""
    try:
        return start(**options).get("/nothing").error
    except ConfigurationError as error:
        return error


def test_options_come_from_the_environment(start: Starter) -> None:
    """What neither code nor settings say, POSTHOG_* variables do."""
    os.environ["POSTHOG_PROJECT_API_KEY"] = "phc_from_the_environment"
    os.environ["POSTHOG_FLUSH_AT"] = "17"
    os.environ["POSTHOG_HOST"] = "http://127.0.0.1:7"
    start(project_api_key=None, flush_at=None, send=False).get("/hold-client")

    options = STAGE.client.options
    assert options.project_api_key == "phc_from_the_environment"
    assert options.flush_at == 17
    assert options.host == "http://127.0.0.1:9"  # In code.


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("project_api_kye", "project_api_key"),
        ("flush_intervall", "flush_interval"),
        ("trust_client_id", "trust_client_ids"),
        ("capture_exception", "capture_exceptions"),
    ],
)
def test_an_unknown_option_is_refused(start: Starter, name: str, nearest: str) -> None:
    """It is a ConfigurationError that names the option and the nearest right one."""
    error = refusal(start, {name: 1})

    assert isinstance(error, ConfigurationError)
    assert re.search(f"(?i){name}.*did you mean.*{nearest}", str(error))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("flush_at", 0),
        ("trust_client_ids", "perhaps"),
        ("trusted_proxies", -1),
        # capture does not wait, so neither can whoever says who it is about.
        ("distinct_id", asyncio.sleep),
    ],
)
def test_a_bad_value_is_refused(start: Starter, name: str, value: object) -> None:
    """It is a ConfigurationError that names the option."""
    error = refusal(start, {name: value})

    assert isinstance(error, ConfigurationError)
    assert re.search(f"(?i){name}", str(error))


def test_two_applications_do_not_mix(start: Starter, events: RecordedEvents) -> None:
    """Each application of a process captures with its own client, at module level too."""
    one = start(super_properties={"application": "one"})
    two = start(super_properties={"application": "two"})
    for application in (one, two, one):
        application.get("/capture", VISITOR)
        application.get("/module-level", VISITOR)
        application.get("/raises", VISITOR)

    found = [event.properties["application"] for event in events]
    assert found == ["one"] * 3 + ["two"] * 3 + ["one"] * 3


def test_a_client_may_be_given(start: Starter, events: RecordedEvents) -> None:
    """client= is used as it is, beside options of the adapter."""
    client = Client("phc_given", super_properties={"mine": True})
    start(client=client, trust_client_ids=False).get("/hold-client", VISITOR)

    assert STAGE.client is client
    assert events.one("seen").properties["mine"] is True
    assert events.one("seen").is_personless


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"PROJECT_API_KEY": "phc_good"}, []),
        ({"PROJECT_API_KYE": "phc_good"}, ["posthog_web.E001"]),
        ({"PROJECT_API_KEY": "phc_good", "FLUSH_AT": 0}, ["posthog_web.E001"]),
        (["phc_good"], ["posthog_web.E001"]),
        ({}, ["posthog_web.W001"]),
        ({"PROJECT_API_KEY": "phx_personal"}, ["posthog_web.W001"]),
    ],
    ids=repr,
)
def test_django_checks_the_setting(setting: object, expected: list[str]) -> None:
    """manage.py check tells of a wrong setting and of an odd key, by stable ids."""
    from tests.adapters.apps import django_project

    assert [message.id for message in django_project.run_checks(POSTHOG=setting)] == expected


def test_djangos_check_names_the_nearest_option() -> None:
    """The message of posthog_web.E001 says what was probably meant."""
    from tests.adapters.apps import django_project

    [error] = django_project.run_checks(POSTHOG={"PROJECT_API_KYE": "phc_good"})

    assert 'POSTHOG["PROJECT_API_KYE"]' in error.msg
    assert 'POSTHOG["PROJECT_API_KEY"]' in error.msg


@pytest.mark.parametrize(
    ("overrides", "code"),
    [
        ({"POSTHOG": "phc_good"}, 'POSTHOG = {"PROJECT_API_KEY": "phc_…", "FLUSH_AT": 50}'),
        ({"POSTHOG": {}}, 'POSTHOG = {"PROJECT_API_KEY": "phc_…"}'),
        ({"POSTHOG": {}}, 'POSTHOG = {"DISABLED": True}'),
        (
            {"POSTHOG": {"PROJECT_API_KEY": "phc_good"}, "MIDDLEWARE": []},
            'MIDDLEWARE = ["posthog_web.django.PosthogMiddleware", …]',
        ),
    ],
)
def test_djangos_checks_hint_at_what_to_write(overrides: dict[str, Any], code: str) -> None:
    """The hint of each check holds the line of the settings that answers it."""
    from tests.adapters.apps import django_project

    [message] = django_project.run_checks(**overrides)

    assert code in (message.hint or "")


def test_django_checks_the_middleware() -> None:
    """manage.py check tells of a middleware that is not installed."""
    from tests.adapters.apps import django_project

    found = django_project.run_checks(POSTHOG={"PROJECT_API_KEY": "phc_good"}, MIDDLEWARE=[])

    assert [message.id for message in found] == ["posthog_web.W002"]


OUTSIDE = """
from contextlib import ExitStack
import posthog_web
from tests.adapters.table import ADAPTERS

options = {{"project_api_key": "phc_first", "host": url, "super_properties": {{"first": True}}}}
if "{name}".startswith("Django"):
    from tests.adapters.apps.django_project import set_up
    set_up({{name.upper(): value for name, value in options.items()}})
with ExitStack() as stack:
    application = ADAPTERS["{name}"].find_start()(stack, installed=True, options=options)
    application.get("/nothing")
    posthog_web.capture("later", distinct_id="job")
"""


def test_code_outside_of_requests_uses_the_applications_client(
    adapter: Adapter, inspector: Inspector
) -> None:
    """Management commands and tasks need no client of their own: the module has the adapter's."""
    ended = run(OUTSIDE.format(name=adapter.name), inspector.url)

    assert (ended.code, ended.errors) == (0, "")
    [event] = inspector.events()
    assert (event["event"], event["distinct_id"]) == ("later", "job")
    assert event["properties"]["first"] is True
