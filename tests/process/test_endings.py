"""However a process ends, what it captured arrives, or is counted and said, in time."""

from __future__ import annotations

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.servers import free_port, silence
from tests.process.program import run

THREE_EVENTS = """
client = Client("phc_test", url, flush_interval=60)
for number in range(3):
    client.capture("user123", "paid")
"""


@pytest.mark.spec("SRV-113")
@pytest.mark.parametrize(
    ("last_words", "code"),
    [("", 0), ("sys.exit(3)", 3), ("sys.exit()", 0), ("raise SystemExit(4)", 4)],
)
def test_an_ordinary_end_sends_what_is_left(
    inspector: Inspector, last_words: str, code: int
) -> None:
    """At the end of the program or by sys.exit: all events arrive, the code stays, silently."""
    ended = run(THREE_EVENTS + last_words, inspector.url)

    assert (ended.code, ended.errors) == (code, "")
    assert [event["deliveries"] for event in inspector.events()] == [1, 1, 1]


def test_an_exception_ends_it_as_ever(inspector: Inspector) -> None:
    """An unhandled exception: exit code 1, its traceback alone, and all events arrive."""
    ended = run(THREE_EVENTS + "raise LookupError('boom')", inspector.url)

    assert ended.code == 1
    assert ended.errors.startswith("Traceback (most recent call last):\n")
    assert ended.errors.endswith("LookupError: boom\n")
    assert "posthog_web" not in ended.errors
    assert len(inspector.events()) == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("early", [True, False], ids=["late", "first"])
def test_a_capture_at_exit_arrives(inspector: Inspector, when: str, *, early: bool) -> None:
    """An exit handler, registered before or after the client, captures; be it the first event."""
    ended = run(
        f"""
        def at_exit():
            say(uuid=client.capture("user123", "bye"))
        if {when == "before"}:
            atexit.register(at_exit)
        client = Client("phc_test", url, flush_interval=60)
        if {early}:
            client.capture("user123", "early")
        if {when == "after"}:
            atexit.register(at_exit)
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert [event["event"] for event in inspector.events()] == ["early", "bye"][not early :]
    assert inspector.events("bye")[0]["uuid"] == ended.said[0]["uuid"]


@pytest.mark.spec("SRV-079", "SRV-113")
def test_a_slow_server_gets_everything(inspector: Inspector) -> None:
    """1,000 events, and a server that takes 0.4 s to answer: all arrive, once."""
    inspector.answer(status=200, delay=0.4)

    ended = run(
        """
        client = Client("phc_test", url)
        for number in range(1_000):
            client.capture("user123", "paid")
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    events = inspector.events()
    assert len(events) == 1_000
    assert {event["deliveries"] for event in events} == {1}


@pytest.mark.spec("SRV-117", "SRV-120")
@pytest.mark.parametrize("server", ["closed port", "silent"])
def test_a_dead_server_costs_the_budget_and_is_said(server: str) -> None:
    """It exits within shutdown_timeout, and one warning names the exact number of events."""
    with silence() as silent:
        ended = run(
            """
            logging.basicConfig(format="%(message)s")
            client = Client("phc_test", url, shutdown_timeout=0.5)
            for number in range(12):
                client.capture("user123", "paid")
            say(now=time.monotonic())
            """,
            silent if server == "silent" else f"http://127.0.0.1:{free_port()}",
        )

    assert ended.code == 0
    assert ended.at - ended.said[0]["now"] < 1.5
    unsent = [line for line in ended.errors.splitlines() if "could not be sent" in line]
    assert len(unsent) == 1
    assert "12 event(s)" in unsent[0]
    assert "Traceback" not in ended.errors


def test_what_is_captured_after_the_budget_is_counted_too() -> None:
    """With a dead server, an event of a later exit handler is refused or said to be lost."""
    ended = run(
        """
        logging.basicConfig(format="%(message)s")
        def at_exit():
            uuid = client.capture("user123", "bye")
            stats = client.stats()
            say(uuid=uuid, lost=stats.dropped_total, now=time.monotonic())
        atexit.register(at_exit)
        client = Client("phc_test", url, shutdown_timeout=0.3)
        client.capture("user123", "early")
        """,
        f"http://127.0.0.1:{free_port()}",
    )

    [said] = ended.said
    assert said["lost"] == 2
    assert ended.at - said["now"] < 1.0


@pytest.mark.parametrize("maker", ["Client", "posthog_web"])
def test_a_client_made_at_exit_delivers(inspector: Inspector, maker: str) -> None:
    """An exit handler that makes the first client, or has it made, is heard all the same."""
    ended = run(
        f"""
        import posthog_web
        def at_exit():
            if "{maker}" == "Client":
                Client("phc_test", url, flush_interval=60).capture("user123", "bye")
            else:
                posthog_web.api_key, posthog_web.host = "phc_test", url
                posthog_web.capture("user123", "bye")
        atexit.register(at_exit)
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert [event["event"] for event in inspector.events()] == ["bye"]


def test_the_budget_is_for_sending_not_for_other_handlers(inspector: Inspector) -> None:
    """An exit handler that works for longer than the budget, then captures, is still heard."""
    ended = run(
        """
        def at_exit():
            threading.Event().wait(0.6)
            say(uuid=client.capture("user123", "bye"))
        atexit.register(at_exit)
        client = Client("phc_test", url, flush_interval=60, shutdown_timeout=0.3)
        client.capture("user123", "early")
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert [event["event"] for event in inspector.events()] == ["early", "bye"]


def test_many_late_events_share_one_budget_with_the_early_ones() -> None:
    """With a dead server, exit handlers that capture on and on do not pay for each event."""
    ended = run(
        """
        logging.basicConfig(format="%(message)s")
        def at_exit():
            for _ in range(50):
                client.capture("user123", "bye")
        atexit.register(at_exit)
        client = Client("phc_test", url, shutdown_timeout=0.4)
        client.capture("user123", "early")
        say(now=time.monotonic())
        """,
        f"http://127.0.0.1:{free_port()}",
    )

    assert ended.code == 0
    assert ended.at - ended.said[0]["now"] < 2.0


def test_clients_share_one_budget() -> None:
    """Three clients of a dead server: together they take as long as one."""
    ended = run(
        """
        logging.basicConfig(format="%(message)s")
        clients = [Client("phc_test", url, shutdown_timeout=0.6) for _ in range(3)]
        for client in clients:
            client.capture("user123", "paid")
        say(now=time.monotonic())
        """,
        f"http://127.0.0.1:{free_port()}",
    )

    assert ended.at - ended.said[0]["now"] < 1.6
    assert ended.errors.count("1 event(s) could not be sent") == 3


def test_a_thread_that_outlives_the_main_one_is_heard(inspector: Inspector) -> None:
    """What a thread captures after the end of the main program arrives."""
    ended = run(
        """
        client = Client("phc_test", url)
        client.capture("user123", "early")
        def work():
            threading.main_thread().join()
            client.capture("user123", "late")
        threading.Thread(target=work).start()
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert [event["event"] for event in inspector.events()] == ["early", "late"]


def test_a_program_that_captures_nothing_ends_at_once() -> None:
    """A client without an event makes no difference to the end, whatever its server."""
    ended = run(
        """
        client = Client("phc_test", url)
        say(now=time.monotonic(), threads=threading.active_count())
        """,
        "http://127.0.0.1:9",
    )

    assert (ended.code, ended.errors) == (0, "")
    assert ended.said[0]["threads"] == 1
    assert ended.at - ended.said[0]["now"] < 1.0


def test_a_client_that_was_shut_down_is_done(inspector: Inspector) -> None:
    """After shutdown the end of the process sends nothing again and says nothing."""
    ended = run(THREE_EVENTS + "client.shutdown()", inspector.url)

    assert (ended.code, ended.errors) == (0, "")
    assert [request["events"] for request in inspector.requests()] == [3]


def test_sync_mode_ends_silently(inspector: Inspector) -> None:
    """A client without threads has sent everything already; the end adds nothing."""
    ended = run(
        """
        client = Client("phc_test", url, sync_mode=True)
        atexit.register(lambda: say(uuid=client.capture("user123", "bye")))
        client.capture("user123", "paid")
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert ended.said[0]["uuid"] is not None
    assert [event["event"] for event in inspector.events()] == ["paid", "bye"]


def test_no_thread_of_ours_is_there_when_the_interpreter_goes(inspector: Inspector) -> None:
    """An exit handler that runs after ours finds none, nor does a late event bring one back."""
    ended = run(
        """
        def look():
            client.capture("user123", "late")
            say(threads=[thread.name for thread in threading.enumerate()])
        atexit.register(look)
        client = Client("phc_test", url)
        client.capture("user123", "paid")
        client.flush()
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert ended.said == [{"threads": ["MainThread"]}]
    assert [event["event"] for event in inspector.events()] == ["paid", "late"]


def test_a_lock_that_is_never_let_go_does_not_hold_up_the_end(inspector: Inspector) -> None:
    """A thread stopped for good by the interpreter, while it holds a client's lock: it ends."""
    ended = run(
        """
        import textwrap
        def hold(lock, wait):
            wanted.wait()
            with lock:
                held.set()
                wait()
        def at_exit():
            wanted.set()
            held.wait()
        wanted, held = threading.Event(), threading.Event()
        atexit.register(at_exit)
        # What an imported module holds is collected at the very end, when no thread runs any more.
        textwrap.shop = Client("phc_test", url)
        lock = textwrap.shop._lanes.analytics.buffer._lock
        threading.Thread(target=hold, args=(lock, threading.Event().wait), daemon=True).start()
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
