"""Whole ``$exception`` events, recorded, and stripped of what differs between two runs.

``python -m tools.golden --write`` renews the files in ``payloads``; the difference is for review.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from posthog_web import Client
from posthog_web._runtime.system import system_properties
from posthog_web.testing import record_events
from tests.contract.failures import (
    boundaries,
    chained,
    context,
    executed,
    groups,
    message,
    never_raised,
    notes,
    recursion,
    simple,
    suppressed,
    syntax,
)

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PAYLOADS = HERE / "payloads"
FAILURES = str(HERE / "failures")

CASES: dict[str, Callable[[Client], None]] = {
    "simple": simple.report,
    "chained": chained.report,
    "context": context.report,
    "suppressed": suppressed.report,
    "group_in_group": groups.report,
    "never_raised": never_raised.report,
    "message": message.report,
    "syntax_error": syntax.report,
    "executed": executed.report,
    "notes": notes.report,
    "recursion": recursion.report,
    "hook": boundaries.report_by_hook,
    "middleware": boundaries.report_by_middleware,
}

# What is told of where it runs; not every system has all of it.
ENVIRONMENT = {"$lib_version", *system_properties()}

# Fields of libraries' frames, which are others in the next version of Python.
LINES = {"abs_path", "lineno", "pre_context", "context_line", "post_context"}


def record(case: str) -> dict[str, Any]:
    """Return the event of *case*, normalised."""
    client = Client("phc_test", project_root=str(ROOT))
    with record_events() as events:
        CASES[case](client)
    [event] = events
    return normalise(event.raw)


def read(case: str) -> dict[str, Any]:
    """Return the event of *case* as it is expected."""
    expected: dict[str, Any] = json.loads(path_of(case).read_text(encoding="utf-8"))
    return expected


def write(case: str) -> str:
    """Return the text of the file of *case*."""
    return json.dumps(record(case), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def path_of(case: str) -> Path:
    """Return the file of *case*."""
    return PAYLOADS / f"{case}.json"


def normalise(event: dict[str, Any]) -> dict[str, Any]:
    """Return *event* without what is another in the next run, and nothing else changed.

    That is its id and moment, the id of nobody, the machine, and the folder of this repository. Of
    frames, those of who runs the case; of libraries' frames, where they lie and their lines. Equal
    frames in a row are one with their number.
    """
    properties = {key: one for key, one in event["properties"].items() if key not in ENVIRONMENT}
    properties["$exception_list"] = [_entry(one) for one in properties["$exception_list"]]
    changed = {"uuid": "<uuid>", "timestamp": "<timestamp>", "properties": properties}
    if properties.get("$process_person_profile") is False:
        changed["distinct_id"] = "<nobody>"
    return event | changed


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    stack = entry.get("stacktrace")
    if stack is None:
        return entry
    frames = list(stack["frames"])
    while frames and not frames[0].get("abs_path", "").startswith(FAILURES):
        del frames[0]
    return entry | {"stacktrace": {**stack, "frames": list(_fold(map(_frame, frames)))}}


def _frame(frame: dict[str, Any]) -> dict[str, Any]:
    if frame.get("in_app") is False:
        return {key: type(one).__name__ if key in LINES else one for key, one in frame.items()}
    if "abs_path" not in frame:
        return frame
    return frame | {"abs_path": frame["abs_path"].replace(str(ROOT), "<root>")}


def _fold(frames: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for frame, equal in groupby(frames):
        number = len(list(equal))
        yield frame if number == 1 else frame | {"<times>": number}
