"""The application's functions are asked on each thread, and not from inside their own answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._web.lifetime import Lifetime
from posthog_web._web.setup import configure
from posthog_web.testing import RecordedEvents
from tests.web.test_body import Source

THREADS = 3
TENANT = Client("phc_tenant", send=False)


class User:
    """Somebody who is logged in."""

    is_authenticated = True
    pk = "pk"


class Known(Source):
    """A request of a user's."""

    def find_user(self) -> object:
        """Return the user: the same one each time."""
        return User


def begin(**options: Any) -> Lifetime:
    """Return a request of an application with these *options*."""
    return Lifetime(configure(arguments=options, client=Client("phc_usual", send=False)), Known())


def together(act: Callable[[int], object]) -> list[object]:
    """Return what *act* answers on several threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(act, range(THREADS)))


@pytest.mark.parametrize("name", ["client_for", "extra_properties", "distinct_id"])
def test_threads_that_ask_at_once_all_get_an_answer(
    name: str, posthog_events: RecordedEvents
) -> None:
    """Nobody goes without because somebody else is asking: not the client, nor what it adds."""
    answers = {
        "client_for": TENANT,
        "extra_properties": {"tenant": "acme"},
        "distinct_id": "ada",
    }
    # All wait for each other inside the function, so each must have been asked.
    barrier = Barrier(THREADS)

    def answer(*_given: object) -> object:
        barrier.wait(timeout=10)
        return answers[name]

    request = begin(**{name: answer})

    def act(number: int) -> object:
        if name == "client_for":
            return request.posthog.client
        request.posthog.capture("seen", {"number": number})
        return None

    clients = together(act)

    if name == "client_for":
        assert clients == [TENANT] * THREADS
    elif name == "extra_properties":
        assert [event.properties["tenant"] for event in posthog_events] == ["acme"] * THREADS
    else:
        assert [event.distinct_id for event in posthog_events] == ["ada"] * THREADS


def test_a_function_inside_another_one_is_asked(posthog_events: RecordedEvents) -> None:
    """What a function captures has the client and the properties of the others."""
    clients: list[Client] = []

    def extra(_request: object, _response: object) -> dict[str, str]:
        clients.append(request.posthog.client)
        return {"tenant": "acme"}

    def keep(_request: object) -> bool:
        clients.append(request.posthog.client)
        request.posthog.capture("filtering")
        return True

    request = begin(client_for=lambda _request: TENANT, request_filter=keep, extra_properties=extra)
    request.report(LookupError(), "here")

    assert posthog_events.names == ["filtering", "$exception"]
    assert [event.properties["tenant"] for event in posthog_events] == ["acme", "acme"]
    assert clients == [TENANT] * 3


def test_a_user_who_captures_when_asked_is_not_asked_for_that(
    posthog_events: RecordedEvents,
) -> None:
    """The event is nobody's, as it is not known yet whose it is; the next one is the user's."""

    def name(user: Any) -> object:
        request.posthog.capture("naming")
        return user.pk

    request = begin(distinct_id=name)
    request.posthog.capture("seen")

    assert posthog_events.one("naming").is_personless
    assert posthog_events.one("seen").distinct_id == "pk"


def test_what_a_loader_of_users_captures_is_nobodys(posthog_events: RecordedEvents) -> None:
    """Looking up a user who is being looked up would never end."""

    class Loading(Source):
        def find_user(self) -> object:
            assert request.posthog.distinct_id is None
            request.posthog.capture("loading")
            return User

    client = Client("phc_usual", send=False)
    request = Lifetime(configure(arguments={}, client=client), Loading())
    request.posthog.capture("seen")

    assert posthog_events.one("loading").is_personless
    assert posthog_events.one("seen").distinct_id == "pk"
