"""How this package speaks HTTP: one session for all, loaded when needed, safe around a fork."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from posthog_web._runtime import http
from posthog_web._runtime.system import user_agent
from tests.delivery.servers import RecordingServer
from tests.process.program import run


@pytest.mark.spec("SRV-086")
def test_a_session_names_us() -> None:
    """Every session carries our name and version, and no credentials."""
    with http.new_session() as session:
        assert session.headers["User-Agent"] == user_agent()
        assert "Authorization" not in session.headers


def test_a_session_honours_the_proxy() -> None:
    """A proxy in the environment gets the requests."""
    with RecordingServer() as proxy, http.new_session() as session:
        os.environ["HTTP_PROXY"] = proxy.url

        response = session.post("http://posthog.invalid/batch/", data=b"{}", timeout=5)

        assert response.status_code == 200
        [delivery] = proxy.deliveries()
        assert delivery.path == "http://posthog.invalid/batch/"


def test_a_session_honours_certificate_settings() -> None:
    """REQUESTS_CA_BUNDLE decides whom to trust."""
    os.environ["REQUESTS_CA_BUNDLE"] = __file__
    try:
        with http.new_session() as session:
            settings = session.merge_environment_settings(
                "https://posthog.invalid", {}, None, None, None
            )
    finally:
        del os.environ["REQUESTS_CA_BUNDLE"]

    assert settings["verify"] == __file__


def test_an_authorization_of_our_own_is_kept() -> None:
    """What a caller passes as auth is sent, whatever else is configured."""

    def authorize(request: object) -> object:
        request.headers["Authorization"] = "Bearer ours"  # type: ignore[attr-defined]
        return request

    with RecordingServer() as server, http.new_session() as session:
        session.post(server.url, data=b"{}", auth=authorize, timeout=5)  # type: ignore[arg-type]

        assert server.deliveries()[0].headers["authorization"] == "Bearer ours"


def test_loading_twice_at_once_is_one_import() -> None:
    """Threads that load together all find requests imported."""
    loaded: list[bool] = []

    def work() -> None:
        http.load()
        loaded.append("requests" in sys.modules)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert loaded == [True] * 4


def test_requests_is_loaded_with_the_client_and_not_before() -> None:
    """Importing the package leaves requests alone; a client that may send loads it at once."""
    ended = run(
        """
        loaded = ["requests" in sys.modules]
        Client("phc_test", url, disabled=True)
        loaded.append("requests" in sys.modules)
        Client("phc_test", url)
        loaded.append("requests" in sys.modules)
        say(loaded=loaded)
        """,
        "http://127.0.0.1:9",
    )

    assert ended.said == [{"loaded": [False, False, True]}]


def test_a_fork_waits_for_an_import() -> None:
    """While a thread imports requests nobody forks, and the child can import right away."""
    ended = run(
        """
        from posthog_web._runtime import http
        Client("phc_test", url).queue.qsize()
        importing, forking = threading.Event(), threading.Event()
        order = []
        def work():
            with http.importing:
                importing.set()
                forking.wait(0.3)
                order.append("imported")
        thread = threading.Thread(target=work)
        thread.start()
        importing.wait()
        if os.fork() == 0:
            order.append("forked")
            http.load()
            say(order=order)
            os._exit(0)
        os.wait()
        thread.join()
        with http.importing:
            say(free=True)
        """,
        "http://127.0.0.1:9",
        "-W",
        "ignore::DeprecationWarning",
    )

    assert (ended.code, ended.errors) == (0, "")
    assert ended.said == [{"order": ["imported", "forked"]}, {"free": True}]
