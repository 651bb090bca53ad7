"""The guard between our faults and the host."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from types import FrameType

import pytest

from posthog_web._exceptions.chain import describe_exception
from posthog_web._exceptions.files import Files
from posthog_web._exceptions.frames import Stacks
from posthog_web._guard import describe_fault, loud, report_fault, safely


@safely
def _faulty(error: BaseException) -> str:
    raise error


def test_a_fault_is_logged_by_its_place_and_answered_with_none(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A guarded call that fails answers None; the log has type and line, not the message."""
    assert _faulty(ValueError("s3cr3t")) is None

    assert "internal error in _faulty: ValueError at" in caplog.text
    assert "test_guard.py" in caplog.text
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_program_passes(leaving: type[BaseException]) -> None:
    """The guard stops exceptions, not what ends a process or a task."""
    with pytest.raises(leaving):
        _faulty(leaving())


def test_a_good_call_is_left_alone() -> None:
    """Results and names pass through."""

    @safely
    def double(number: int) -> int:
        """Twice."""
        return 2 * number

    assert double(2) == 4
    assert double.__doc__ == "Twice."


def test_our_own_tests_hear_of_every_fault(caplog: pytest.LogCaptureFixture) -> None:
    """Inside loud() a fault is raised, with the name of the guarded call; outside it is logged."""
    with loud(), pytest.raises(ValueError, match="no") as caught:
        _faulty(ValueError("no"))
    assert caught.value.__notes__ == ["in the guarded call _faulty"]

    with caplog.at_level(logging.WARNING):
        report_fault(KeyError("s3cr3t"), "quiet again")
    assert "quiet again" in caplog.text


@pytest.mark.parametrize("fails_early", [True, False])
def test_local_variables_that_cannot_be_read_cost_no_report(fails_early: bool) -> None:
    """A reader of variables that fails is a fault of ours, and the frames go without."""

    class Failing:
        def follow(self, _: Iterable[FrameType]) -> None:
            if fails_early:
                raise LookupError

        def read(self, _: FrameType) -> None:
            raise LookupError

    stacks = Stacks(files=Files(str(Path(__file__).parent), ()), variables=Failing)
    try:
        _faulty.__wrapped__(ValueError("no"))
    except ValueError as error:
        described = describe_exception(error, stacks)

    frames = described["$exception_list"][0]["stacktrace"]["frames"]
    assert frames[-1]["in_app"] is True
    assert all("code_variables" not in frame for frame in frames)


def test_a_fault_without_a_traceback_has_no_place() -> None:
    """An exception that was never raised is described all the same."""
    assert describe_fault(ValueError("no")) == "ValueError at unknown place"
