"""Frames to read, and what reads them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any

from posthog_web._config.options import ClientOptions
from posthog_web._exceptions.files import Files, find_root
from posthog_web._exceptions.variables import make_reader

Read = Callable[[FrameType], dict[str, Any] | None]


def reader(**options: Any) -> Read:
    """Return what reads the frames of one event, of a client with these options."""
    # Time stands still: a slow machine tells of as much as any other.
    chosen = ClientOptions(capture_exception_code_variables=True, **options)
    make = make_reader(chosen, files_of(chosen), clock=lambda: 0)
    assert make is not None
    return make().read


def files_of(options: ClientOptions) -> Files:
    """Return what a client with these options knows of files."""
    return Files(find_root(options.project_root), options.in_app_modules)


def frames_of(fail: Callable[[], object]) -> list[FrameType]:
    """Return the frames of what *fail* raises, the one that raised first, this one left out."""
    try:
        fail()
    except Exception as error:  # noqa: BLE001 - whatever it is
        # A list with this frame in it would be a circle.
        return [frame for frame, _ in traceback.walk_tb(error.__traceback__.tb_next)][::-1]  # type: ignore[union-attr]
    raise AssertionError


def told(value: object, **options: Any) -> Any:
    """Return what a variable that holds *value* becomes."""

    def fail(value: object) -> None:  # noqa: ARG001 - it is read
        raise LookupError

    variables = reader(**options)(frames_of(lambda: fail(value))[0])
    assert variables is not None
    return variables["value"]
