"""HTTP for everything in this package: one way to load requests, one way to make a session."""

from __future__ import annotations

import importlib
import sys
import threading
from typing import TYPE_CHECKING

from posthog_web._guard import safely
from posthog_web._runtime.system import user_agent

if TYPE_CHECKING:
    import requests

# A fork while another thread imports would leave the child waiting for ever on the import lock of
# a thread it does not have. So importing and forking exclude each other (see process.py).
# Re-entrant: an import may fork, and a signal handler may interrupt an import.
importing = threading.RLock()


def load() -> None:
    """Import requests now: on the caller's thread, not on a worker's, not in a dying process."""
    with importing:
        from posthog_web._runtime import (  # noqa: PLC0415 - `import posthog_web` must stay light
            deadline,  # noqa: F401 - it imports requests
        )


def new_session() -> requests.Session:
    """Return a session that keeps connections alive and honours proxy and CA settings.

    It follows no redirect by itself (callers pass ``allow_redirects=False``: a redirect would turn
    a POST into a GET) and takes no credentials from ``~/.netrc``, which would replace our own. The
    ``timeout`` of a request, in seconds, bounds all of it, up to the last byte of its answer.
    """
    load()
    import requests  # noqa: PLC0415 - see load

    from posthog_web._runtime.deadline import BoundedAdapter  # noqa: PLC0415 - see load

    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, BoundedAdapter())
    session.headers["User-Agent"] = user_agent()
    session.auth = _leave_alone
    return session


@safely
def do_without_threads() -> None:
    """Look addresses up on the thread that sends: at its end Python (3.12 on) starts no other one.

    gevent leaves that to a pool of threads. It has another way, which holds all greenlets up, and
    there is no other one left that could mind.
    """
    if (module := sys.modules.get("gevent.hub")) is None:
        return
    hub = module.get_hub()
    if type(hub.resolver).__module__ == "gevent.resolver.thread":
        hub.resolver = importlib.import_module("gevent.resolver.blocking").Resolver(hub)


def _leave_alone(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
