"""What the shop tells PostHog."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from shop.payment import PaymentDeclinedError

from posthog_web.testing import RecordedEvents


@pytest.fixture
def client() -> Client:
    """Return a browser."""
    return Client()


@pytest.fixture
def ada(client: Client) -> str:
    """Let the browser sign in as Ada; return the id PostHog knows her by."""
    user = get_user_model().objects.get(username="ada")
    client.force_login(user)
    return str(user.pk)


def test_a_passer_by_is_nobody(client: Client, posthog_events: RecordedEvents) -> None:
    """Who is not signed in makes events, but no profile."""
    client.get("/books/the-waves/")

    viewed = posthog_events.one("book viewed")
    assert viewed.is_personless
    assert viewed.properties["book"] == "The Waves"


def test_signing_in(client: Client, posthog_events: RecordedEvents) -> None:
    """The request that signs somebody in is theirs already."""
    client.post("/sign-in/", {"username": "grace", "password": "hopper"})

    grace = get_user_model().objects.get(username="grace")
    assert posthog_events.of(str(grace.pk)) == list(posthog_events)
    assert posthog_events.names == ["signed in", "$set"]
    assert posthog_events.one("$set").set == {"name": "Grace Hopper"}


def test_buying(client: Client, ada: str, posthog_events: RecordedEvents) -> None:
    """A sale is two events of the buyer's, one of them captured where there is no request."""
    response = client.post("/books/invisible-cities/buy/", follow=True)

    assert "Invisible Cities" in response.content.decode()
    assert posthog_events.names == ["card charged", "order paid"]
    paid = posthog_events.one("order paid")
    assert paid.distinct_id == ada
    assert paid.properties["total"] == 10.5
    assert paid.properties["$groups"] == {"shop": "corner"}


def test_a_declined_card(client: Client, ada: str, posthog_events: RecordedEvents) -> None:
    """The exception goes its way, and is reported once, with its person."""
    with pytest.raises(PaymentDeclinedError):
        client.post("/books/first-folio/buy/")

    [reported] = posthog_events
    assert reported.event == "$exception"
    assert reported.distinct_id == ada
    assert reported.properties["$exception_type"] == "PaymentDeclinedError"
