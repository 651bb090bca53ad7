"""gevent, patched before anything else or late: capture, flush, shutdown and exit deliver."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import Ended, run, running

PATCH = "from gevent import monkey; monkey.patch_all()"
CLIENT = 'client = Client("phc_test", url, flush_interval=60)'

# How a program begins. gevent's own runner patches before it.
BEGINNINGS = {
    "patched before all": f"import gevent; {CLIENT}",
    "patched after the import": f"import gevent; {PATCH}; {CLIENT}",
    "patched after the client was made": f"import gevent; {CLIENT}; {PATCH}",
}

every_beginning = pytest.mark.parametrize("beginning", BEGINNINGS)


def options(beginning: str) -> list[str]:
    """Return the interpreter's options; gevent itself warns of patching late."""
    runner = ["-m", "gevent.monkey"] if beginning == "patched before all" else []
    return ["-W", "ignore", *runner]


def run_greenlets(text: str, beginning: str, inspector: Inspector, folder: Path) -> Ended:
    """Run a program under gevent."""
    text = f"{BEGINNINGS[beginning]}\n{text}"
    ended = run(text, inspector.url, *options(beginning), saved_in=folder)
    assert (ended.code, ended.errors) == (0, "")
    assert {event["deliveries"] for event in inspector.events()} == {1}
    return ended


@every_beginning
def test_exit_delivers(inspector: Inspector, tmp_path: Path, beginning: str) -> None:
    """What greenlets captured arrives at the end of the program, from a slow server too."""
    inspector.answer(status=200, delay=0.3)

    run_greenlets(
        """
greenlets = [gevent.spawn(client.capture, "user123", "paid") for _ in range(20)]
gevent.joinall(greenlets, timeout=10)
assert all(greenlet.value for greenlet in greenlets)
""",
        beginning,
        inspector,
        tmp_path,
    )

    assert len(inspector.events()) == 20


@every_beginning
@pytest.mark.parametrize("how", ["flush", "shutdown", "join"])
def test_waiting_lets_other_greenlets_run(
    inspector: Inspector, tmp_path: Path, beginning: str, how: str
) -> None:
    """flush, join and shutdown wait for the answer, and nobody else waits for them."""
    inspector.answer(status=200, delay=0.5)

    ended = run_greenlets(
        f"""
ticks = []
def tick():
    while True:
        ticks.append(1)
        gevent.sleep(0.02)
gevent.spawn(tick)
for _ in range(3):
    client.capture("user123", "paid")
if "{how}" == "join":
    gevent.spawn_later(0.1, client.flush, 0)
say(everything=client.{how}(timeout=5), ticks=len(ticks))
""",
        beginning,
        inspector,
        tmp_path,
    )

    assert ended.said[0]["everything"] is True
    assert ended.said[0]["ticks"] > 5
    assert len(inspector.events()) == 3


@every_beginning
def test_a_forked_child_delivers(inspector: Inspector, tmp_path: Path, beginning: str) -> None:
    """As gunicorn forks its gevent workers: parent and child each send their own."""
    run_greenlets(
        """
client.capture("user123", "parent")
if os.fork() == 0:
    gevent.spawn(client.capture, "user123", "child").join()
    sys.exit(0)
os.wait()
""",
        beginning,
        inspector,
        tmp_path,
    )

    assert sorted(event["event"] for event in inspector.events()) == ["child", "parent"]


@every_beginning
def test_sync_mode_delivers(inspector: Inspector, tmp_path: Path, beginning: str) -> None:
    """Greenlets that send their own events at the same time do not get in each other's way."""
    inspector.answer(status=200, delay=0.2)

    run_greenlets(
        """
client = Client("phc_test", url, sync_mode=True)
greenlets = [gevent.spawn(client.capture, "user123", "paid") for _ in range(5)]
gevent.joinall(greenlets, timeout=10)
assert all(greenlet.value for greenlet in greenlets)
""",
        beginning,
        inspector,
        tmp_path,
    )

    assert len(inspector.events()) == 5


@every_beginning
@pytest.mark.parametrize(
    "waiting", ["gevent.sleep(10)", "while True: client.queue.qsize()"], ids=["idle", "busy"]
)
def test_a_signal_delivers(
    inspector: Inspector, tmp_path: Path, beginning: str, waiting: str
) -> None:
    """With the signal handlers installed SIGTERM delivers, whichever greenlet it interrupts."""
    inspector.answer(status=200, delay=0.2)
    text = f"""
{BEGINNINGS[beginning]}
import posthog_web
posthog_web.install_signal_handlers()
client.capture("user123", "paid")
say(ready=True)
{waiting}
"""
    with running(text, inspector.url, *options(beginning), saved_in=tmp_path) as program:
        program.hear()
        program.process.send_signal(signal.SIGTERM)
        ended = program.end()

    assert (ended.code, ended.errors) == (-signal.SIGTERM, "")
    assert len(inspector.events()) == 1
