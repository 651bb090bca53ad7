"""Threads that go on while a process ends lose nothing to each other, and hang nobody."""

from __future__ import annotations

import pytest

from posthog_web.inspector import Inspector
from tests.process.program import run


def test_threads_send_side_by_side_at_the_end(inspector: Inspector) -> None:
    """Daemon threads that capture while the process drains: what was accepted arrives, once."""
    inspector.answer(status=200, delay=0.05)

    ended = run(
        """
        from posthog_web._runtime import ending
        client = Client("phc_test", url, on_drop=lambda reason, events: say(dropped=len(events)))
        client.capture("user123", "first")
        ending.announce(lambda: True)  # As a server does that serves on after SIGTERM.
        uuids = []
        def work():
            for _ in range(10):
                uuids.append(client.capture("user123", "late"))
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        say(uuids=uuids)
        """,
        inspector.url,
    )

    assert (ended.code, ended.errors) == (0, "")
    [said] = ended.said
    assert None not in said["uuids"]
    assert sorted(said["uuids"]) == sorted(event["uuid"] for event in inspector.events("late"))
    assert {event["deliveries"] for event in inspector.events()} == {1}


@pytest.mark.parametrize("client", ["", ", disabled=True"], ids=["enabled", "disabled"])
def test_a_child_with_an_open_executor_ends(inspector: Inspector, client: str) -> None:
    """Executors end with their process: we do not wait for their threads before they are told."""
    ended = run(
        f"""
        import multiprocessing
        from concurrent.futures import ThreadPoolExecutor
        kept = []
        def child(url):
            client = Client("phc_test", url, flush_interval=60{client})
            kept.append(ThreadPoolExecutor(2))
            kept[0].submit(client.capture, "user123", "child").result()
        process = multiprocessing.get_context("fork").Process(target=child, args=(url,))
        process.start()
        process.join(10)
        say(code=process.exitcode)
        """,
        inspector.url,
        "-W",
        "ignore::DeprecationWarning",
    )

    assert ended.errors == ""
    assert ended.said == [{"code": 0}]
    assert len(inspector.events("child")) == (not client)
