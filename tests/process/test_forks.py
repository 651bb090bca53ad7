"""Forked children: each process sends what it captured itself, once, and counts for itself."""

from __future__ import annotations

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import Ended, run

# Python warns of forks beside threads, which is what these programs are about.
QUIET = ("-W", "ignore::DeprecationWarning")

FORK_WITH_EVENTS_WAITING = """
client = Client("phc_test", url, flush_interval=60)
uuids = [client.capture("user123", "parent") for _ in range(3)]
say(who="parent", uuids=uuids)
if os.fork() == 0:
    say_stats(client)
    uuids = [client.capture("user123", "child") for _ in range(3)]
    say(who="child", uuids=uuids)
    {end_of_child}
os.wait()
client.capture("user123", "parent")
"""


def run_quietly(text: str, inspector: Inspector) -> Ended:
    """Run a program that forks."""
    ended = run(text, inspector.url, *QUIET)
    assert (ended.code, ended.errors) == (0, "")
    return ended


@pytest.mark.parametrize(
    "end_of_child",
    ["client.flush(); os._exit(0)", "client.shutdown(); os._exit(0)", "sys.exit(0)"],
    ids=["flush", "shutdown", "exit"],
)
def test_each_process_sends_its_own(inspector: Inspector, end_of_child: str) -> None:
    """The parent's waiting events leave once, from the parent; the child's from the child."""
    ended = run_quietly(FORK_WITH_EVENTS_WAITING.format(end_of_child=end_of_child), inspector)

    parent, stats, child = ended.said
    assert stats == {"captured": 0, "sent": 0, "queued": 0, "in_flight": 0, "dropped": {}}
    assert {event["deliveries"] for event in inspector.events()} == {1}
    assert len(inspector.events("parent")) == 4
    assert sorted(event["uuid"] for event in inspector.events("child")) == sorted(child["uuids"])
    assert not set(parent["uuids"]) & set(child["uuids"])


def test_children_forked_one_after_the_other_have_ids_of_their_own(inspector: Inspector) -> None:
    """Parent and four children capture right after the fork: no two events share a uuid."""
    run_quietly(
        """
        client = Client("phc_test", url)
        client.capture("user123", "first")
        for _ in range(4):
            if os.fork() == 0:
                for _ in range(50):
                    client.capture("user123", "child")
                sys.exit(0)
            client.capture("user123", "parent")
        for _ in range(4):
            os.wait()
        """,
        inspector,
    )

    assert len(inspector.events("child")) == 200
    assert len(inspector.events("parent")) == 4
    assert {event["deliveries"] for event in inspector.events()} == {1}


def test_a_fork_in_the_middle_of_everything_hangs_nobody(inspector: Inspector) -> None:
    """Threads capture and a request is under way while children are forked: all arrive, once."""
    inspector.answer(status=200, delay=0.1)

    run_quietly(
        """
        client = Client("phc_test", url, flush_at=5, shutdown_timeout=10)
        done = threading.Event()
        def work():
            for _ in range(100):
                client.capture("user123", "parent")
                done.wait(0.002)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for _ in range(5):
            if os.fork() == 0:
                client.capture("user123", "child")
                client.flush()
                os._exit(0)
            done.wait(0.02)
        for _ in range(5):
            assert os.wait()[1] == 0
        for thread in threads:
            thread.join()
        """,
        inspector,
    )

    assert len(inspector.events("child")) == 5
    assert len(inspector.events("parent")) == 400
    assert {event["deliveries"] for event in inspector.events()} == {1}


def test_a_client_ended_in_the_parent_is_ended_in_the_child(inspector: Inspector) -> None:
    """A child of a process that shut its client down captures nothing with it."""
    ended = run_quietly(
        """
        client = Client("phc_test", url)
        client.shutdown()
        if os.fork() == 0:
            say(uuid=client.capture("user123", "child"))
            os._exit(0)
        os.wait()
        """,
        inspector,
    )

    assert ended.said == [{"uuid": None}]
    assert inspector.requests() == []


def test_a_client_never_used_before_the_fork_works_in_the_child(inspector: Inspector) -> None:
    """Preloaded before the fork, first used after it: the child's event arrives at its exit."""
    run_quietly(
        """
        client = Client("phc_test", url, flush_interval=60)
        if os.fork() == 0:
            client.capture("user123", "child")
            sys.exit(0)
        os.wait()
        """,
        inspector,
    )

    assert [event["event"] for event in inspector.events()] == ["child"]


def test_a_fork_beside_threads_that_hold_our_locks(inspector: Inspector) -> None:
    """Other threads hold the queue's lock and a lock of logging's: the child is not held up."""
    run_quietly(
        """
        signal.alarm(15)
        client = Client("phc_test", url, flush_interval=60)
        client.capture("user123", "parent")
        held, release = threading.Barrier(3), threading.Event()
        def hold(lock):
            with lock:
                held.wait()
                release.wait()
        logging.basicConfig()
        locks = [client._lanes.analytics.pool.buffer._lock, logging.getLogger().handlers[0].lock]
        threads = [threading.Thread(target=hold, args=(lock,)) for lock in locks]
        for thread in threads:
            thread.start()
        held.wait()
        if os.fork() == 0:
            signal.alarm(10)
            assert client.stats().captured == 0
            assert client.capture("user123", "child")
            assert client.flush(5)
            os._exit(0)
        assert os.wait()[1] == 0
        release.set()
        for thread in threads:
            thread.join()
        """,
        inspector,
    )

    assert sorted(event["event"] for event in inspector.events()) == ["child", "parent"]
    assert {event["deliveries"] for event in inspector.events()} == {1}


def test_a_fork_while_another_thread_imports_requests(inspector: Inspector) -> None:
    """A thread makes the first client, import and all: the child is whole, and delivers."""
    run_quietly(
        """
        signal.alarm(15)
        assert "requests" not in sys.modules
        clients = []
        making = threading.Thread(target=lambda: clients.append(Client("phc_test", url)))
        making.start()
        while "requests" not in sys.modules:
            pass
        if os.fork() == 0:
            signal.alarm(10)
            client = Client("phc_test", url)
            client.capture("user123", "child")
            assert client.flush(5)
            os._exit(0)
        assert os.wait()[1] == 0
        making.join()
        clients[0].capture("user123", "parent")
        """,
        inspector,
    )

    assert sorted(event["event"] for event in inspector.events()) == ["child", "parent"]
