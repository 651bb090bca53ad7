"""Programs on asyncio: what their tasks captured arrives, however the loop ends."""

from __future__ import annotations

import signal

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import Ended, run, running

TASKS = """
import asyncio
import posthog_web
client = Client("phc_test", url, flush_interval=60)

async def work(number):
    try:
        client.capture("user123", "task", {"number": number})
        await asyncio.sleep(10 * number)
    finally:
        client.capture("user123", "left", {"number": number})

async def main():
    async with asyncio.TaskGroup() as tasks:
        for number in range(3):
            tasks.create_task(work(number))
        await asyncio.sleep(0.05)
        say(ready=True)
"""


def names(inspector: Inspector) -> list[str]:
    """Return the names of what arrived, sorted; fail if anything came twice."""
    assert {event["deliveries"] for event in inspector.events()} == {1}
    return sorted(event["event"] for event in inspector.events())


def interrupt(text: str, inspector: Inspector, number: signal.Signals) -> Ended:
    """Run a program, send it a signal once its tasks are at work, and wait for its end."""
    with running(TASKS + text, inspector.url) as program:
        program.hear()
        program.process.send_signal(number)
        return program.end()


def test_the_end_of_the_loop_delivers(inspector: Inspector) -> None:
    """asyncio.run comes back, the program ends: all events arrive."""
    ended = run(TASKS.replace("10 * number", "0") + "asyncio.run(main())", inspector.url)

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["left"] * 3 + ["task"] * 3


def test_ctrl_c_delivers(inspector: Inspector) -> None:
    """SIGINT cancels the tasks; what they capture on their way out arrives too."""
    inspector.answer(status=200, delay=0.2)

    ended = interrupt("asyncio.run(main())", inspector, signal.SIGINT)

    assert ended.code == -signal.SIGINT
    assert ended.errors.rstrip().endswith("KeyboardInterrupt")
    assert "posthog_web" not in ended.errors
    assert names(inspector) == ["left"] * 3 + ["task"] * 3


@pytest.mark.parametrize("first", ["loop", "posthog_web"])
def test_a_signal_handler_of_the_loop_is_heard(inspector: Inspector, first: str) -> None:
    """Beside install_signal_handlers() the loop's own handler runs, and decides."""
    install = "posthog_web.install_signal_handlers()"
    add = "asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, tasks.cancel)"
    lines = [add, install] if first == "loop" else [install, add]

    ended = interrupt(
        f"""
async def top():
    tasks = asyncio.create_task(main())
    {lines[0]}
    {lines[1]}
    try:
        await tasks
    except asyncio.CancelledError:
        client.capture("user123", "stopped")
asyncio.run(top())
sys.exit(5)
""",
        inspector,
        signal.SIGTERM,
    )

    assert (ended.code, ended.errors) == (5, "")
    assert names(inspector) == ["left"] * 3 + ["stopped"] + ["task"] * 3


def test_work_left_to_a_thread_delivers(inspector: Inspector) -> None:
    """What a function in asyncio.to_thread captures arrives, though nobody waits for it."""
    ended = run(
        """
        import asyncio
        client = Client("phc_test", url, flush_interval=60)
        def work():
            threading.Event().wait(0.3)
            client.capture("user123", "late")
        async def main():
            asyncio.get_running_loop().run_in_executor(None, work)
            client.capture("user123", "early")
        asyncio.run(main())
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["early", "late"]
