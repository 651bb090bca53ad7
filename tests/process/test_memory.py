"""However long it goes wrong, and however often clients are made, a process does not grow."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthog_web._config.options import ClientOptions
from tests.delivery.fault_server import Exchange, FaultServer, work
from tests.delivery.servers import free_port
from tests.process.program import Ended, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/statm").exists(), reason="a process sees its memory in /proc only"
    ),
]

# Seconds a program of a million captures may take, on a machine that has other work too.
PATIENCE = 300.0

MEBI = 1024 * 1024

# Bytes by which a process may grow though it holds nothing more: arenas, caches, stacks.
SLACK = 2 * MEBI

# Bytes an event of these programs takes at most while it waits.
EVENT = 1_000

COUNT = 1_000_000

MEASURE = """
import gc, resource
def memory():
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
"""

# Warm-up first: whatever is made once is made, and a bounded queue is full.
FLOOD = (
    MEASURE
    + """
client = Client("phc_test", url, {options})
def flood(count):
    accepted = 0
    for number in range(count):
        accepted += client.capture("user123", "paid", {properties}) is not None
        if (number + 1) % {flush_every} == 0:
            client.flush()
    return accepted
before = memory()
accepted = flood({warm_up})
warm = memory()
accepted += flood({count} - {warm_up})
after = memory()
stats = client.stats()
say(before=before, warm=warm, after=after, accepted=accepted, captured=stats.captured,
    sent=stats.sent, waiting=stats.queued + stats.in_flight, dropped=dict(stats.dropped))
client.shutdown(timeout=1)
stats = client.stats()
say(captured=stats.captured, gone=stats.sent + stats.dropped_total)
"""
)


def flood(
    url: str,
    options: str,
    *,
    warm_up: int = 50_000,
    count: int = COUNT,
    properties: str = '{"number": number}',
    flush_every: int = 2 * COUNT,
) -> Ended:
    """Run a program that captures a million events; check its accounts and that it did not grow."""
    text = FLOOD.format(
        options=options,
        warm_up=warm_up,
        count=count,
        properties=properties,
        flush_every=flush_every,
    )
    ended = run(text, url, deadline=PATIENCE)
    assert (ended.code, ended.errors) == (0, "")
    [during, at_end] = ended.said
    balance = during["sent"] + during["waiting"] + sum(during["dropped"].values())
    assert during["captured"] == balance == count
    assert (at_end["captured"], at_end["gone"]) == (count, count)
    assert during["after"] - during["warm"] < SLACK
    return ended


@pytest.mark.spec("SRV-099")
def test_a_dead_server_costs_a_queue_and_no_more() -> None:
    """Of a million captures a queue and a batch are kept, by their limits, and memory is flat."""
    defaults = ClientOptions()

    ended = flood(f"http://127.0.0.1:{free_port()}", "")

    [during, _] = ended.said
    kept = defaults.max_queue_size + defaults.max_batch_size
    assert defaults.max_queue_size <= during["accepted"] <= kept
    assert during["waiting"] == during["accepted"]
    assert during["after"] - during["before"] < kept * EVENT + SLACK


@pytest.mark.spec("SRV-099")
def test_a_small_queue_costs_little() -> None:
    """With max_queue_size=100, a million captures leave the process as large as it was."""
    ended = flood(
        f"http://127.0.0.1:{free_port()}", "max_queue_size=100, max_batch_size=50, flush_at=50"
    )

    [during, _] = ended.said
    assert during["waiting"] <= 150
    assert during["after"] - during["before"] < 2 * SLACK


@pytest.mark.spec("SRV-099")
def test_large_events_cost_max_queue_bytes() -> None:
    """Ten thousand events of 100 kB, a gigabyte, leave 64 MiB of them in memory, and one batch."""
    ended = flood(
        f"http://127.0.0.1:{free_port()}",
        "",
        warm_up=2_000,
        count=10_000,
        properties='{"number": number, "text": "x" * 100_000}',
    )

    [during, _] = ended.said
    assert 64 * MEBI - 100_000 * 2 < during["waiting"] * 100_000 <= 66 * MEBI
    assert during["after"] - during["before"] < 70 * MEBI


def test_callbacks_that_fail_a_million_times_cost_nothing() -> None:
    """on_drop, called for each event that finds the queue full, keeps nothing when it raises."""
    ended = flood(
        f"http://127.0.0.1:{free_port()}",
        "max_queue_size=100, on_drop=lambda reason, events: 1 / 0, on_error=lambda *_: 1 / 0",
        count=300_000,
    )

    assert ended.said[0]["dropped"]["queue_full"] > 290_000


def test_a_server_that_refuses_everything_costs_nothing() -> None:
    """Events by the hundred thousand that are refused, told and counted leave nothing behind."""

    def refuse(exchange: Exchange) -> None:
        _ = exchange.request
        exchange.answer(400)

    with FaultServer(refuse) as server:
        ended = flood(
            server.url,
            "on_error=lambda error, events: len(list(events))",
            count=200_000,
            flush_every=5_000,
        )

    assert ended.said[0]["dropped"] == {"refused": 200_000}


SHORT_LIVED = (
    MEASURE
    + """
import weakref
def use(count):
    # Twenty live at a time, each with a thread: however busy the machine, it is the same peak.
    alive = 0
    for _ in range(count // 20):
        clients = [Client("phc_test", url) for _ in range(20)]
        for client in clients:
            client.capture("user123", "paid")
        made = [weakref.ref(client) for client in clients]
        del clients, client
        gc.collect()
        alive += sum(one() is not None for one in made)
        for thread in threading.enumerate():
            if thread is not threading.main_thread():
                thread.join(30)
    return alive
def look():
    return dict(memory=memory(), threads=threading.active_count(), objects=len(gc.get_objects()),
                files=len(os.listdir("/proc/self/fd")))
use(200)
before = look()
alive = use(1000)
say(before=before, after=look(), alive=alive)
"""
)


def test_a_thousand_short_lived_clients_leave_nothing() -> None:
    """Each captures one event and is dropped: it arrives; client, thread, socket and memory go."""
    with FaultServer(work) as server:
        ended = run(SHORT_LIVED, server.url, deadline=PATIENCE)
        taken = len(server.taken)

    assert (ended.code, ended.errors) == (0, "")
    [said] = ended.said
    before, after = said["before"], said["after"]
    assert (taken, said["alive"]) == (1_200, 0)
    assert before["threads"] == after["threads"] == 1
    assert after["files"] <= before["files"]
    assert after["objects"] - before["objects"] < 100
    assert after["memory"] - before["memory"] < SLACK
