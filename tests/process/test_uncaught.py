"""enable_exception_autocapture: what nobody catches is reported, and nothing else is different."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import Ended, run

# {on} is whether exceptions are reported; the rest of a program is the same, line by line.
CLIENT = """
import asyncio, gc, logging, posthog_web
client = Client("phc_test", url, flush_interval=60, enable_exception_autocapture={on},
                capture_unraisable_exceptions={unraisable})
"""

AT_THE_TOP = """
def fail():
    raise ValueError("at the top")
fail()
"""
IN_A_THREAD = """
def fail():
    raise ValueError("in a thread")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
"""
IN_A_THREAD_OF_ITS_OWN_KIND = """
class Job(threading.Thread):
    def run(self):
        raise ValueError("in a job")
job = Job()
job.start()
job.join()
"""
IN_A_TASK = """
async def fail():
    raise ValueError("in a task")
async def main():
    asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    gc.collect()
asyncio.run(main())
"""
IN_A_CALLBACK = """
def fail():
    raise ValueError("in a callback")
async def main():
    asyncio.get_running_loop().call_soon(fail)
    await asyncio.sleep(0.01)
asyncio.run(main())
"""
IN_DEL = """
class Thing:
    def __del__(self):
        raise ValueError("in __del__")
Thing()
"""

# (program, exit code, message, kind, level, source)
UNCAUGHT = [
    (AT_THE_TOP, 1, "at the top", "onuncaughtexception", "fatal", "python.sys_excepthook"),
    (
        IN_A_THREAD,
        0,
        "in a thread",
        "onuncaughtexception",
        "error",
        "python.threading_excepthook",
    ),
    (
        IN_A_THREAD_OF_ITS_OWN_KIND,
        0,
        "in a job",
        "onuncaughtexception",
        "error",
        "python.threading_excepthook",
    ),
    (IN_A_TASK, 0, "in a task", "onunhandledrejection", "error", "asyncio.exception_handler"),
    (
        IN_A_CALLBACK,
        0,
        "in a callback",
        "onuncaughtexception",
        "error",
        "asyncio.exception_handler",
    ),
    (IN_DEL, 0, "in __del__", "onuncaughtexception", "error", "python.unraisablehook"),
]
WHERE = [row[2] for row in UNCAUGHT]


def start(
    text: str, inspector: Inspector, *, on: bool = True, unraisable: bool = True, **more: Any
) -> Ended:
    """Run a program to its end, with a client that reports what nobody catches."""
    return run(CLIENT.format(on=on, unraisable=unraisable) + text, inspector.url, **more)


def without_addresses(text: str) -> str:
    """Return *text* with nothing in it that differs from one run to the next."""
    return re.sub(r"0x[0-9a-f]+", "0x", text)


def reports(inspector: Inspector) -> list[dict[str, Any]]:
    """Return the properties of the exceptions that arrived; fail if one came twice."""
    events = inspector.events("$exception")
    assert {event["deliveries"] for event in events} <= {1}
    return [event["properties"] for event in events]


def messages(inspector: Inspector) -> list[str]:
    """Return the messages of the exceptions that arrived, sorted."""
    return sorted(properties["$exception_message"] for properties in reports(inspector))


@pytest.mark.spec("SRV-307", "SRV-308", "SRV-311", "SRV-319", "SRV-320")
@pytest.mark.parametrize(
    ("text", "code", "message", "kind", "level", "source"), UNCAUGHT, ids=WHERE
)
def test_what_nobody_catches_is_reported(
    inspector: Inspector, text: str, code: int, message: str, kind: str, level: str, source: str
) -> None:
    """One event that arrives before the process is gone, and says where Python gave up."""
    ended = start(text, inspector)

    assert ended.code == code
    [properties] = reports(inspector)
    [entry] = properties["$exception_list"]
    assert (entry["type"], entry["value"]) == ("ValueError", message)
    assert (entry["mechanism"]["type"], entry["mechanism"]["handled"]) == (kind, False)
    assert (properties["$exception_level"], properties["$exception_source"]) == (level, source)
    assert entry["stacktrace"]["frames"][-1]["function"].endswith(("fail", "run", "__del__"))


@pytest.mark.parametrize("text", [row[0] for row in UNCAUGHT], ids=WHERE)
def test_python_says_what_it_says_without_us(inspector: Inspector, text: str) -> None:
    """Standard error and the exit code are the same, letter by letter; off, nothing is reported."""
    without = start(text, inspector, on=False, unraisable=False)
    assert reports(inspector) == []
    ended = start(text, inspector)

    assert len(reports(inspector)) == 1
    assert "ValueError" in without.errors
    assert without_addresses(ended.errors) == without_addresses(without.errors)
    assert ended.code == without.code


@pytest.mark.parametrize("unraisable", [True, False])
def test_what_python_cannot_raise_is_reported_by_choice(
    inspector: Inspector, *, unraisable: bool
) -> None:
    """capture_unraisable_exceptions decides on __del__ and the like, and on nothing else."""
    ended = start(
        "before = sys.unraisablehook is sys.__unraisablehook__" + IN_DEL + IN_A_THREAD,
        inspector,
        unraisable=unraisable,
    )

    assert "in __del__" in ended.errors
    assert messages(inspector) == ["in __del__", "in a thread"][not unraisable :]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("sys.exit(3)", 3),
        ("raise SystemExit('bye')", 1),
        ("raise KeyboardInterrupt", -2),
        (IN_A_THREAD.replace('ValueError("in a thread")', "SystemExit(3)"), 0),
        (IN_A_THREAD.replace('ValueError("in a thread")', "KeyboardInterrupt"), 0),
        (IN_A_TASK.replace('ValueError("in a task")', "asyncio.CancelledError"), 0),
        ("import concurrent.futures as c\nc.ThreadPoolExecutor().submit(int, 'x')", 0),
    ],
    ids=["exit", "words", "Ctrl-C", "exit in a thread", "Ctrl-C in one", "cancelled", "future"],
)
def test_what_ends_on_purpose_is_no_failure(inspector: Inspector, text: str, code: int) -> None:
    """sys.exit, Ctrl-C, a cancelled task and an exception that a future keeps are not reported."""
    ended = start(text, inspector)

    assert ended.code == code
    assert reports(inspector) == []


def test_a_failure_is_one_event_wherever_it_is_seen(inspector: Inspector) -> None:
    """Reported in code or by a context, then raised on to the end of the process: one event."""
    ended = start(
        """
def work():
    with posthog_web.new_context(client=client):
        posthog_web.tag("plan", "pro")
        raise ValueError("once")
try:
    work()
except ValueError as error:
    client.capture_exception(error)
    raise
""",
        inspector,
    )

    assert ended.code == 1
    [properties] = reports(inspector)
    assert properties["plan"] == "pro"


def test_what_leaves_the_block_of_a_client_is_reported(inspector: Inspector) -> None:
    """``with Client(…)`` around a program ends the client, and does not miss what ended it."""
    ended = start(
        """
with client:
    raise ValueError("in the block")
""",
        inspector,
    )

    assert ended.code == 1
    assert ended.errors.count("ValueError: in the block") == 1
    assert messages(inspector) == ["in the block"]


def test_every_client_reports(inspector: Inspector) -> None:
    """Two clients that want to: one event each; hooks are there once, others go without."""
    start(
        """
hook = sys.excepthook
other = Client("phc_other", url, enable_exception_autocapture=True, super_properties={"n": 2})
third = Client("phc_third", url, super_properties={"n": 3})
assert sys.excepthook is hook
raise ValueError("for both")
""",
        inspector,
    )

    assert messages(inspector) == ["for both"] * 2
    assert {properties.get("n") for properties in reports(inspector)} == {None, 2}


def test_the_module_reports(inspector: Inspector) -> None:
    """Configured by attributes, the module's client has its hooks from its first use on."""
    run(
        """
        import posthog_web
        assert sys.excepthook is sys.__excepthook__
        posthog_web.api_key, posthog_web.host = "phc_test", url
        posthog_web.enable_exception_autocapture = True
        posthog_web.capture("user123", "paid")
        raise ValueError("of the module")
        """,
        inspector.url,
    )

    assert messages(inspector) == ["of the module"]


def test_an_adapters_client_reports(inspector: Inspector) -> None:
    """An option of the adapter: what fails in a thread beside its requests is reported."""
    run(
        """
        from flask import Flask
        from posthog_web.flask import FlaskPosthog
        app = Flask(__name__)
        app.config.update(POSTHOG_PROJECT_API_KEY="phc_test", POSTHOG_HOST=url,
                          POSTHOG_ENABLE_EXCEPTION_AUTOCAPTURE=True)
        FlaskPosthog(app)
        """
        + IN_A_THREAD.replace("\n", "\n        "),
        inspector.url,
    )

    assert messages(inspector) == ["in a thread"]


CHAIN = """
def theirs(*arguments):
    print("theirs", file=sys.stderr)
sys.excepthook = theirs
"""


def test_a_hook_that_was_there_is_called(inspector: Inspector) -> None:
    """A hook of the application's own decides what is printed."""
    ended = run(CHAIN + CLIENT.format(on=True, unraisable=True) + AT_THE_TOP, inspector.url)

    assert ended.errors == "theirs\n"
    assert messages(inspector) == ["at the top"]


@pytest.mark.parametrize("fault", ["ValueError", "KeyboardInterrupt"])
def test_a_hook_that_was_there_is_called_whatever_fails(inspector: Inspector, fault: str) -> None:
    """A before_send that fails, and one that is interrupted, change nothing for the hook behind."""
    ended = start(
        CHAIN
        + f"""
sys.excepthook = theirs
def keep(event):
    raise {fault}
late = Client("phc_late", url, enable_exception_autocapture=True, before_send=keep)
client.shutdown()
"""
        + AT_THE_TOP,
        inspector,
    )

    assert ended.errors.startswith("theirs\n")
    assert ended.errors.count("theirs\n") == 1
    assert reports(inspector) == []


def test_shutdown_takes_out_only_what_is_ours(inspector: Inspector) -> None:
    """Outermost, ours is gone; behind another's it stays and does nothing but pass on."""
    ended = start(
        """
def hooks():
    return (sys.excepthook, threading.excepthook, sys.unraisablehook,
            logging.getLogger("asyncio").filters)
other = Client("phc_other", url, enable_exception_autocapture=True)
ours = sys.excepthook
client.shutdown()
assert sys.excepthook is ours
def theirs(*arguments):
    print("theirs", file=sys.stderr)
    ours(*arguments)
sys.excepthook = theirs
other.shutdown()
other.shutdown()
assert hooks() == (theirs, threading.__excepthook__, sys.__unraisablehook__, []), hooks()
"""
        + AT_THE_TOP,
        inspector,
    )

    assert ended.errors.startswith("theirs\nTraceback")
    assert ended.errors.count("ValueError: at the top") == 1
    assert reports(inspector) == []


def test_a_client_made_after_a_shutdown_reports_once(inspector: Inspector) -> None:
    """Ours before somebody's hook and ours behind it: one event, before_send is asked once."""
    ended = start(
        """
ours = sys.excepthook
def theirs(*arguments):
    ours(*arguments)
sys.excepthook = theirs
client.shutdown()
def drop(event):
    print("asked", file=sys.stderr)
late = Client("phc_test", url, enable_exception_autocapture=True, before_send=drop)
"""
        + AT_THE_TOP,
        inspector,
    )

    assert ended.errors.startswith("asked\nTraceback")
    assert ended.errors.count("asked") == 1


def test_a_hook_somebody_dropped_is_put_in_again(inspector: Inspector) -> None:
    """Somebody put an earlier hook back, ours with it: the next client reports all the same."""
    start(
        """
sys.excepthook = sys.__excepthook__
late = Client("phc_late", url, enable_exception_autocapture=True)
"""
        + AT_THE_TOP,
        inspector,
    )

    assert messages(inspector) == ["at the top"] * 2


def test_a_client_that_nobody_keeps_reports(inspector: Inspector) -> None:
    """It may be made for nothing else, and never be named; once shut down it is let go."""
    ended = start(
        """
import weakref
gone = weakref.ref(client)
del client
gc.collect()
gone().shutdown()
gc.collect()
assert gone() is None
Client("phc_test", url, enable_exception_autocapture=True)
gc.collect()
"""
        + AT_THE_TOP,
        inspector,
    )

    assert "ValueError: at the top" in ended.errors
    assert "posthog_web" not in ended.errors
    assert messages(inspector) == ["at the top"]


def test_a_hook_behind_ours_may_meet_another_exception(inspector: Inspector) -> None:
    """What it hands to the hook in place, in a dialog that goes on, is another report."""
    start(
        """
client.shutdown()
def shows_dialog(kind, error, trace):
    if str(error) == "at the top":
        sys.excepthook(KeyError, KeyError("in the dialog"), None)
sys.excepthook = shows_dialog
late = Client("phc_late", url, enable_exception_autocapture=True)
"""
        + AT_THE_TOP,
        inspector,
    )

    assert messages(inspector) == ["'in the dialog'", "at the top"]


def test_a_hook_that_was_saved_and_put_back_reports(inspector: Inspector) -> None:
    """A tool puts back the hook it found, though another client was made meanwhile."""
    start(
        """
found = sys.excepthook
sys.excepthook = lambda *arguments: None
other = Client("phc_other", url, enable_exception_autocapture=True)
sys.excepthook = found
"""
        + AT_THE_TOP,
        inspector,
    )

    assert messages(inspector) == ["at the top"] * 2


def test_nothing_is_kept_of_what_was_reported(inspector: Inspector) -> None:
    """After a thread has failed, neither its exception nor what its frames held is alive."""
    ended = start(
        """
import weakref
class Held: pass
class Failure(Exception): pass
alive = weakref.WeakSet()
def fail():
    held, error = Held(), Failure()
    alive.update([held, error])
    raise error
thread = threading.Thread(target=fail)
thread.start()
thread.join()
gc.collect()
say(alive=len(alive))
""",
        inspector,
    )

    assert ended.said == [{"alive": 0}]
    assert len(reports(inspector)) == 1


def test_a_prompt_is_no_program(inspector: Inspector) -> None:
    """What fails at an interactive prompt is printed, and not reported."""
    ended = start("sys.ps1 = '>>> '" + AT_THE_TOP, inspector)

    assert "ValueError: at the top" in ended.errors
    assert reports(inspector) == []


def test_a_forked_child_reports(inspector: Inspector) -> None:
    """The hooks are inherited: what ends a child is reported by the child."""
    ended = start(
        """
import warnings
warnings.simplefilter("ignore")
child = os.fork()
if child:
    os.waitpid(child, 0)
else:
    raise ValueError("in the child")
""",
        inspector,
    )

    assert ended.code == 0
    assert messages(inspector) == ["in the child"]


def test_children_of_multiprocessing_report_what_leaves_a_context(
    inspector: Inspector, tmp_path: Path
) -> None:
    """They print failures themselves, past every hook; @scoped around the target sees them."""
    start(
        """
import multiprocessing
def plain():
    raise ValueError("unseen")
@posthog_web.scoped
def scoped():
    raise ValueError("seen")
posthog_web.default_client = client
if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    for target in (plain, scoped):
        child = context.Process(target=target)
        child.start()
        child.join()
""",
        inspector,
        saved_in=tmp_path,
    )

    assert messages(inspector) == ["seen"]


def test_a_failure_while_one_is_reported_ends_there(inspector: Inspector) -> None:
    """A hook before_send whose objects fail in __del__, each time: one event, and no loop."""
    ended = start(
        """
class Thing:
    def __del__(self):
        raise ValueError("again")
def keep(event):
    Thing()
    return event
client.before_send = keep
"""
        + IN_A_THREAD,
        inspector,
    )

    assert ended.errors.count("ValueError: again") == 1
    assert messages(inspector) == ["in a thread"]


def test_an_interpreter_that_is_taken_down_is_left_in_peace(inspector: Inspector) -> None:
    """An object that fails after the exit handlers is printed as ever; nothing of ours is."""
    # A client that is still there, and what it would say of it.
    kept = "\nlogging.basicConfig()\nthreading.kept = client"
    text = kept + IN_DEL.replace("\nThing()", "\nthing = Thing()")
    without = start(text, inspector, on=False)
    ended = start(text, inspector)

    assert "in __del__" in ended.errors
    assert without_addresses(ended.errors) == without_addresses(without.errors)
    assert reports(inspector) == []


OWN_HANDLER = """
async def fail():
    raise ValueError("in a task")
def handle(loop, context):
    print("theirs", file=sys.stderr)
    {more}
async def main():
    asyncio.get_running_loop().set_exception_handler(handle)
    asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    gc.collect()
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("more", "reported"),
    [("pass", []), ("loop.default_exception_handler(context)", ["in a task"])],
    ids=["keeps it", "hands it on"],
)
def test_an_applications_own_handler_stays_in_force(
    inspector: Inspector, more: str, reported: list[str]
) -> None:
    """What a loop's own handler deals with is dealt with; what it hands on is reported."""
    ended = start(OWN_HANDLER.format(more=more), inspector)

    assert ended.errors.startswith("theirs\n")
    assert messages(inspector) == reported


@pytest.mark.parametrize("text", [IN_A_TASK, IN_A_CALLBACK], ids=["task", "callback"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_uvloop_is_a_loop_like_any(inspector: Inspector, text: str, moment: str) -> None:
    """Whether it is there before the client or not, what fails in it is reported."""
    client = CLIENT.format(on=True, unraisable=False)
    made = [client, "import uvloop\n"]
    text = text.replace("asyncio.run(", "uvloop.run(")
    ended = run("".join(made[:: -1 if moment == "before" else 1]) + text, inspector.url)

    assert "ValueError: in a" in ended.errors
    [properties] = reports(inspector)
    assert properties["$exception_source"] == "asyncio.exception_handler"
    kind = properties["$exception_list"][0]["mechanism"]["type"]
    assert kind == ("onunhandledrejection" if "create_task" in text else "onuncaughtexception")


UNDER_UVICORN = """
import uvicorn
async def fail():
    raise ValueError("in a task")
async def app(scope, receive, send):
    assert (await receive())["type"] == "lifespan.startup"
    asyncio.create_task(fail())
    await asyncio.sleep(0.01)
    gc.collect()
    await send({{"type": "lifespan.startup.complete"}})
    server.should_exit = True
    await receive()
    await send({{"type": "lifespan.shutdown.complete"}})
server = uvicorn.Server(uvicorn.Config(app, port=0, loop="{loop}", log_level="warning"))
server.run()
"""


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_task_of_a_server_is_a_task_like_any(inspector: Inspector, loop: str) -> None:
    """uvicorn makes the loop, and configures logging after the client was made."""
    ended = start(UNDER_UVICORN.format(loop=loop), inspector)

    assert ended.code == 0
    assert "ValueError: in a task" in ended.errors
    assert messages(inspector) == ["in a task"]


@pytest.mark.parametrize(
    "begin",
    ["asyncio.create_task(fail())", "asyncio.get_running_loop().call_soon(fail_at_once)"],
    ids=["task", "callback"],
)
def test_a_task_fails_for_its_own_person(inspector: Inspector, begin: str) -> None:
    """Whose task or callback it was is known, from Python 3.12 on; before, it is nobody's."""
    start(
        f"""
def fail_at_once():
    raise ValueError("no")
async def fail():
    fail_at_once()
async def main():
    with posthog_web.new_context():
        posthog_web.identify_context("user123")
        posthog_web.tag("plan", "pro")
        {begin}
    await asyncio.sleep(0.01)
    with posthog_web.new_context():
        posthog_web.identify_context("somebody else")
        gc.collect()
asyncio.run(main())
""",
        inspector,
    )

    [event] = inspector.events("$exception")
    if sys.version_info >= (3, 12):
        assert event["distinct_id"] == "user123"
        assert event["properties"]["plan"] == "pro"
    else:
        assert event["distinct_id"] != "user123"
        assert "plan" not in event["properties"]


def test_gevents_threads_report(inspector: Inspector) -> None:
    """Patched by gevent, threads are greenlets, and fail like threads."""
    run(
        """
        from gevent import monkey
        monkey.patch_all()
        """
        + (CLIENT.format(on=True, unraisable=True) + IN_A_THREAD + "client.flush()").replace(
            "\n", "\n        "
        ),
        inspector.url,
        "-W",
        "ignore",
    )

    assert messages(inspector) == ["in a thread"]
