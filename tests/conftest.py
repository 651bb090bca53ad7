"""What every test has: a clean environment, no threads left behind, a real server to talk to."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from posthog_web._client.default import default_client
from posthog_web._exceptions import hooks
from posthog_web.inspector import Inspector

pytest_plugins = ["tests.spec.plugin"]

PROXIES = frozenset({"ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"})

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_asked_for: list[str] = []


def _note_lookup(event: str, arguments: tuple[object, ...]) -> None:
    """Note the name of a host beyond this machine that somebody asks the system for."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in LOOPBACK:
            _asked_for.append(name)


sys.addaudithook(_note_lookup)

# A thread that was told to end may need a moment for it.
PATIENCE = 2.0


@pytest.fixture(autouse=True)
def _clean_environment() -> Iterator[None]:
    """Hide the developer's PostHog and proxy settings; undo what the test sets."""
    before = dict(os.environ)
    for name in before:
        if name.upper() in PROXIES or name.upper().startswith("POSTHOG_"):
            del os.environ[name]
    yield
    # pytest keeps this one itself, and changes it between a test and its teardown.
    before["PYTEST_CURRENT_TEST"] = os.environ.get("PYTEST_CURRENT_TEST", "")
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _own_default_client() -> None:
    """Let no test capture, through the module, with a client that another one made."""
    default_client._own.clear()
    default_client._adapters.clear()


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Undo what a client with debug=True does to the package's logger."""
    logger = logging.getLogger("posthog_web")
    before = logger.level
    yield
    logger.setLevel(before)


@pytest.fixture(autouse=True)
def _no_thread_left_behind() -> Iterator[None]:
    """Fail a test whose clients still have threads when it is over."""
    before = set(threading.enumerate())
    yield
    deadline = monotonic() + PATIENCE
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("posthog")]
    for thread in ours:
        if thread not in before:
            thread.join(max(0, deadline - monotonic()))
    left = [thread.name for thread in ours if thread not in before and thread.is_alive()]
    assert not left, f"the test left threads behind: {', '.join(left)}"


@pytest.fixture(autouse=True)
def _no_listener_left_behind() -> Iterator[None]:
    """Fail a test whose clients would report what other tests have nobody catch."""
    yield
    left = [listener.who for listener in hooks._listeners.values()]
    for who in left:
        hooks.leave(who)
    assert not left, f"the test left listeners behind: {left}"


@pytest.fixture(autouse=True)
def _nothing_leaves_this_machine() -> Iterator[None]:
    """Fail a test while which somebody looks for a host that is not this machine."""
    _asked_for.clear()
    yield
    assert not _asked_for


@pytest.fixture(scope="session")
def running_inspector() -> Iterator[Inspector]:
    """Run one inspector for all tests; a test asks for ``inspector`` instead."""
    with Inspector() as inspector:
        yield inspector


@pytest.fixture
def inspector(running_inspector: Inspector) -> Inspector:
    """Return a real server on loopback that speaks PostHog's protocol and holds nothing yet."""
    running_inspector.answer_normally()
    running_inspector.clear()
    return running_inspector
