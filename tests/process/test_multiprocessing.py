"""Children of multiprocessing run no exit handlers; what they captured arrives all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from posthog_web.inspector import Inspector
from tests.delivery.servers import free_port
from tests.process.program import Ended, run

METHODS = ("fork", "spawn", "forkserver")

# Python warns of forks beside threads; so do children that are given the same options.
QUIET = ("-W", "ignore::DeprecationWarning")

CHILDREN = """
import multiprocessing
from multiprocessing import util
client = Client("phc_test", url, flush_interval=60, shutdown_timeout=4)
def work(number):
    client.capture("user123", "child", {{"number": number}})
    {in_child}
if __name__ == "__main__":
    context = multiprocessing.get_context("{method}")
    client.capture("user123", "parent")
    children = [context.Process(target=work, args=(number,)) for number in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    say(codes=[child.exitcode for child in children], now=time.monotonic())
"""


def run_children(
    inspector: Inspector, folder: Path, method: str = "fork", in_child: str = "pass"
) -> Ended:
    """Run a program with three children, each of which captures and then does *in_child*."""
    text = CHILDREN.format(method=method, in_child=in_child)
    return run(text, inspector.url, *QUIET, saved_in=folder)


def names(inspector: Inspector) -> list[str]:
    """Return the names of what arrived, sorted; fail if anything came twice."""
    events = inspector.events()
    assert {event["deliveries"] for event in events} <= {1}
    assert len({event["uuid"] for event in events}) == len(events)
    return sorted(event["event"] for event in events)


@pytest.mark.parametrize("method", METHODS)
def test_children_deliver(inspector: Inspector, tmp_path: Path, method: str) -> None:
    """However they are started, the events of three children arrive once, and the parent's too."""
    inspector.answer(status=200, delay=0.2)

    ended = run_children(inspector, tmp_path, method)

    assert (ended.code, ended.errors, ended.said[0]["codes"]) == (0, "", [0, 0, 0])
    assert names(inspector) == ["child"] * 3 + ["parent"]


def test_children_of_billiard_deliver(inspector: Inspector, tmp_path: Path) -> None:
    """Celery's own edition of multiprocessing, which tasks use to start processes, ends alike."""
    ended = run(
        """
        client = Client("phc_test", url, flush_interval=60)
        import billiard
        def work(number):
            client.capture("user123", "child", {"number": number})
        if __name__ == "__main__":
            client.capture("user123", "parent")
            children = [billiard.Process(target=work, args=(number,)) for number in range(3)]
            for child in children:
                child.start()
            for child in children:
                child.join()
        """,
        inspector.url,
        *QUIET,
        saved_in=tmp_path,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["child"] * 3 + ["parent"]


@pytest.mark.parametrize(
    ("last_words", "code"), [("sys.exit(3)", 3), ("raise LookupError('boom')", 1)]
)
def test_a_child_that_fails_delivers(
    inspector: Inspector, tmp_path: Path, last_words: str, code: int
) -> None:
    """A child's exit code and traceback are what they were, and its event arrives."""
    ended = run_children(inspector, tmp_path, in_child=last_words)

    assert ended.said[0]["codes"] == [code] * 3
    assert "posthog_web" not in ended.errors
    assert names(inspector) == ["child"] * 3 + ["parent"]


@pytest.mark.parametrize("priority", [10, -(10**12)], ids=["before ours", "after ours"])
def test_a_finalizer_in_a_child_captures(
    inspector: Inspector, tmp_path: Path, priority: int
) -> None:
    """What a finalizer captures arrives, whether it runs before our own or after."""
    finalizer = f"util.Finalize(None, client.capture, ('u', 'bye'), exitpriority={priority})"

    ended = run_children(inspector, tmp_path, in_child=finalizer)

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["bye"] * 3 + ["child"] * 3 + ["parent"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_the_first_event_of_a_child_may_be_its_last_act(
    inspector: Inspector, tmp_path: Path, method: str
) -> None:
    """A finalizer that runs at the very end, in a child without an event so far, is heard."""
    ended = run(
        f"""
        import multiprocessing
        from multiprocessing import util
        client = Client("phc_test", url, flush_interval=60)
        def work():
            util.Finalize(None, client.capture, ("user123", "bye"), exitpriority=-(10**12))
        if __name__ == "__main__":
            child = multiprocessing.get_context("{method}").Process(target=work)
            child.start()
            child.join()
        """,
        inspector.url,
        saved_in=tmp_path,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["bye"]


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_child_may_capture_while_it_imports(
    inspector: Inspector, tmp_path: Path, method: str
) -> None:
    """Events of a module that a child imports arrive, and so does what the child captures then."""
    ended = run(
        f"""
        import multiprocessing
        client = Client("phc_test", url, flush_interval=60)
        if __name__ != "__main__":
            client.capture("user123", "import")
        def work():
            client.capture("user123", "child")
        if __name__ == "__main__":
            child = multiprocessing.get_context("{method}").Process(target=work)
            child.start()
            child.join()
        """,
        inspector.url,
        saved_in=tmp_path,
    )

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["child", "import"]


def test_a_finalizer_of_the_main_program_captures(inspector: Inspector, tmp_path: Path) -> None:
    """Before our exit handler or after it, and be it the first event: it arrives."""
    for imported_first in (True, False):
        inspector.clear()
        ended = run(
            f"""
            if {imported_first}:
                from multiprocessing import util
            client = Client("phc_test", url, flush_interval=60)
            from multiprocessing import util
            util.Finalize(None, client.capture, ("user123", "bye"), exitpriority=10)
            """,
            inspector.url,
            saved_in=tmp_path,
        )

        assert (ended.code, ended.errors) == (0, "")
        assert names(inspector) == ["bye"]


def test_a_thread_of_a_child_may_work_long_after_its_end(
    inspector: Inspector, tmp_path: Path
) -> None:
    """A thread that outlives the child's work, and its budget, goes on capturing as before."""
    outlive = "threading.Thread(target=outlive, daemon=False).start()"
    text = CHILDREN.format(method="fork", in_child=outlive).replace(
        "def work",
        """client = Client("phc_test", url, flush_interval=60, shutdown_timeout=0.5)
def outlive():
    threading.Event().wait(0.8)
    client.capture("user123", "late")
    assert client.queue.qsize() == 2
def work""",
    )

    ended = run(text, inspector.url, *QUIET, saved_in=tmp_path)

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["child"] * 3 + ["late"] * 3 + ["parent"]


def test_children_of_a_dead_server_end_in_time(tmp_path: Path) -> None:
    """Nobody listens: each child gives up within its budget, and says how many events that cost."""
    ended = run(
        """
        import multiprocessing
        logging.basicConfig(format="%(message)s")
        client = Client("phc_test", url, shutdown_timeout=0.5)
        def work():
            for _ in range(4):
                client.capture("user123", "child")
        if __name__ == "__main__":
            child = multiprocessing.get_context("spawn").Process(target=work)
            say(now=time.monotonic())
            child.start()
            child.join()
        """,
        f"http://127.0.0.1:{free_port()}",
        saved_in=tmp_path,
    )

    assert ended.code == 0
    assert ended.errors.count("4 event(s) could not be sent") == 1
    assert "Traceback" not in ended.errors


def test_children_of_children_deliver(inspector: Inspector, tmp_path: Path) -> None:
    """A child's own child, started by a plain fork, sends what is its own, once."""
    ended = run_children(
        inspector,
        tmp_path,
        in_child="""
    if os.fork() == 0:
        client.capture("user123", "grandchild")
        sys.exit(0)
    os.wait()""",
    )

    assert (ended.code, ended.errors) == (0, "")
    assert names(inspector) == ["child"] * 3 + ["grandchild"] * 3 + ["parent"]


TERMINATED = """
import multiprocessing
import posthog_web
client = Client("phc_test", url, flush_interval=60)
def work(captured):
    {in_child}
    client.capture("user123", "child")
    captured.set()
    threading.Event().wait(20)
if __name__ == "__main__":
    captured = multiprocessing.Event()
    child = multiprocessing.Process(target=work, args=(captured,))
    child.start()
    captured.wait(10)
    child.terminate()
    child.join()
    say(code=child.exitcode)
"""


@pytest.mark.parametrize("installed", [True, False], ids=["with handlers", "without"])
def test_a_terminated_child_delivers_only_with_signal_handlers(
    inspector: Inspector, tmp_path: Path, *, installed: bool
) -> None:
    """terminate() is SIGTERM: its default action runs no Python, so this cannot hold by itself."""
    in_child = "posthog_web.install_signal_handlers()" if installed else "pass"

    ended = run(TERMINATED.format(in_child=in_child), inspector.url, *QUIET, saved_in=tmp_path)

    assert (ended.code, ended.errors, ended.said[-1]["code"]) == (0, "", -15)
    assert names(inspector) == ["child"] * installed
