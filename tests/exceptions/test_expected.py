"""Which exceptions are no failures."""

from __future__ import annotations

import asyncio
import logging
import sys
from types import ModuleType
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._exceptions.expected import Expected
from posthog_web._exceptions.metadata import ESCAPED
from posthog_web._log import Notices
from posthog_web.testing import RecordedEvents


class Refused(Exception):  # noqa: N818 - one of an application's own
    """What an application means to happen."""


class RefusedPolitely(Refused):
    """One kind of it."""


def expected(*ignored: Any) -> Expected:
    """Return what is expected when *ignored* is."""
    return Expected(ignored, Notices())


@pytest.mark.parametrize(
    "error",
    [
        asyncio.CancelledError(),
        GeneratorExit(),
        KeyboardInterrupt(),
        BrokenPipeError(),
        SystemExit(),
        SystemExit(0),
        type("GreenletExit", (BaseException,), {"__module__": "greenlet"})(),
        type("Cancelled", (BaseException,), {"__module__": "trio"})(),
        BaseExceptionGroup("all", [KeyboardInterrupt(), asyncio.CancelledError()]),
    ],
    ids=repr,
)
def test_endings_are_no_failures(error: BaseException) -> None:
    """How tasks, processes and connections end when they should is expected."""
    assert error in expected()


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        ConnectionResetError(),
        SystemExit(1),
        SystemExit("no database"),
        BaseExceptionGroup("some", [KeyboardInterrupt(), ValueError()]),
    ],
    ids=repr,
)
def test_failures_are_failures(error: BaseException) -> None:
    """All else is reported, an exit with a status too, and a group with one failure in it."""
    assert error not in expected()


@pytest.mark.parametrize(
    "rule",
    [
        Refused,
        f"{__name__}.Refused",
        lambda error: isinstance(error, Refused),
    ],
    ids=["class", "name", "function"],
)
def test_an_application_says_what_it_expects(rule: Any) -> None:
    """By class, by dotted name or by a function; subclasses count, others do not."""
    assert Refused() in expected(rule)
    assert RefusedPolitely() in expected(rule)
    assert ValueError() not in expected(rule)


def test_a_name_may_be_the_one_it_is_imported_by() -> None:
    """Frameworks export exceptions elsewhere than where they define them."""
    assert asyncio.QueueFull() in expected("asyncio.QueueFull")
    assert asyncio.QueueEmpty() not in expected("asyncio.QueueFull", "asyncio.Missing", "no.Module")
    assert ValueError() in expected("ValueError")


def test_a_group_that_holds_one_group_many_times_takes_no_time() -> None:
    """Each of its members is looked at once."""
    group: BaseException = KeyboardInterrupt()
    for _ in range(200):
        group = BaseExceptionGroup("same", [group, group])

    assert group in expected()


class _Lazy(ModuleType):
    def __getattr__(self, name: str) -> object:
        raise ImportError(name)


def test_a_module_that_imports_when_asked_is_not_asked() -> None:
    """What is not in a module yet is not what was raised."""
    sys.modules["lazy_module"] = _Lazy("lazy_module")
    try:
        assert ValueError() not in expected("lazy_module.Timeout")
    finally:
        del sys.modules["lazy_module"]


def _broken(_error: BaseException) -> bool:
    raise RuntimeError


def test_a_function_that_fails_expects_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The exception counts as a failure, and that the function failed is said once."""
    rules = expected(_broken)

    assert ValueError() not in rules
    assert KeyError() not in rules
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "ignore_exceptions failed: RuntimeError" in record.getMessage()


def test_what_is_ignored_is_still_reported_in_code(posthog_events: RecordedEvents) -> None:
    """ignore_exceptions is about what is reported by itself."""
    client = Client("phc_test", ignore_exceptions=[Refused])

    assert client._report_uncaught(Refused(), ESCAPED) is None
    assert client.capture_exception(Refused())

    assert len(posthog_events) == 1
