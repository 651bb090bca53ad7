"""What turns a client off, in whole or in part."""

from __future__ import annotations

import logging
import threading

import pytest

from posthog_web import Client
from posthog_web.errors import ConfigurationError
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents

AI_EVENT = {
    "$ai_input": [{"role": "user", "content": "secret"}],
    "$ai_output_choices": ["secret"],
    "$ai_output": "secret",
    "$ai_input_state": "secret",
    "$ai_span_output_state": "secret",
    "$ai_tools": ["secret"],
    "$ai_model": "m",
    "$ai_input_tokens": 12,
    "$ai_total_cost_usd": 0.1,
}


@pytest.mark.spec("SRV-002", "SRV-015")
@pytest.mark.parametrize("key", [None, "", "   "])
def test_without_a_key_a_client_does_nothing_and_says_so_once(
    caplog: pytest.LogCaptureFixture, key: str | None
) -> None:
    """A missing or blank key makes a client that is quiet for good."""
    before = threading.active_count()

    client = Client(key)
    for _ in range(3):
        assert client.capture("user-1", "paid") is None

    assert client.flush()
    assert client.shutdown()
    assert threading.active_count() == before
    assert caplog.text.count("there is no project_api_key") == 1


@pytest.mark.parametrize("key", ["phx_personal", "phs_secret", " PHX_personal "])
def test_a_secret_key_is_never_sent(
    inspector: Inspector, caplog: pytest.LogCaptureFixture, key: str
) -> None:
    """A key of a secret kind as project key sends nothing, says why once, and is not logged."""
    with caplog.at_level(logging.DEBUG), Client(key, inspector.url, debug=True) as client:
        assert client.capture("user-1", "paid") is None

    assert inspector.requests() == []
    assert caplog.text.count("is a secret key") == 1
    assert "personal" not in caplog.text


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("phc_your_project_api_key", "looks like a placeholder"),
        ("my-key", "does not start with phc_"),
    ],
)
def test_an_odd_key_is_used_and_named_once(
    inspector: Inspector, caplog: pytest.LogCaptureFixture, key: str, said: str
) -> None:
    """A key that looks wrong is sent as given, with one warning that does not quote it."""
    with Client(f"  {key} ", inspector.url) as client:
        assert client.capture("user-1", "paid")

    (event,) = inspector.wait_for(1)
    assert event["event"] == "paid"
    assert caplog.text.count(said) == 1
    assert key not in caplog.text


@pytest.mark.spec("SRV-016", "SRV-064", "SRV-065", "SRV-066", "SRV-067")
def test_opting_out_drops_until_opting_in(client: Client, posthog_events: RecordedEvents) -> None:
    """Consent is given at first, can be taken and given at run time, and sends nothing itself."""
    assert client.is_opted_out() is False

    client.opt_out()
    client.opt_out()
    client.capture("user-1", "dropped")
    client.identify("user-1")
    client.alias("a", "b")
    client.group_identify("company", "acme")
    client.capture_exception(ValueError("no"))
    assert client.is_opted_out() is True

    client.opt_in()
    client.capture("user-1", "kept")

    assert posthog_events.names == ["kept"]


@pytest.mark.spec("SRV-068")
def test_a_disabled_client_counts_as_opted_out() -> None:
    """The reader has no side effects and answers True where nothing would be captured."""
    assert Client("phc_test", disabled=True).is_opted_out() is True


@pytest.mark.spec("SRV-015", "SRV-292")
def test_disabled_can_be_turned_on_and_off(client: Client, posthog_events: RecordedEvents) -> None:
    """``disabled`` takes effect with the next event."""
    client.disabled = True
    assert client.capture("user-1", "dropped") is None
    assert client.capture_exception(ValueError("no")) is None
    client.disabled = False
    assert client.capture("user-1", "kept")

    assert posthog_events.names == ["kept"]


def test_send_false_builds_events_and_sends_none(inspector: Inspector) -> None:
    """``send=False`` runs the hooks and returns a uuid, but nothing leaves and no thread starts."""
    seen: list[str] = []
    client = Client(
        "phc_test",
        inspector.url,
        send=False,
        before_send=lambda event: seen.append(event["event"]) or event,
    )
    before = threading.active_count()

    assert client.capture("user-1", "paid")

    assert seen == ["paid"]
    assert threading.active_count() == before
    assert client.stats().dropped == {"send_is_off": 1}
    assert client.flush()
    client.send = True
    assert client.capture("user-1", "seen")
    assert client.shutdown()
    assert [event["event"] for event in inspector.events()] == ["seen"]


def test_privacy_mode_keeps_the_figures_and_drops_the_words(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """In $ai_* events prompts, outputs and tools are gone before the hooks; the rest stays."""
    seen: list[str] = []
    client.before_send = lambda event: seen.append(str(event)) or event

    client.privacy_mode = True
    client.capture("user-1", "$ai_generation", AI_EVENT)
    client.capture("user-1", "other", AI_EVENT)
    client.privacy_mode = False
    client.capture("user-1", "$ai_generation", AI_EVENT)

    private, other, full = posthog_events
    assert {"$ai_model", "$ai_input_tokens", "$ai_total_cost_usd"} <= set(private.properties)
    assert "secret" not in str(private.raw)
    assert "secret" not in seen[0]
    assert other.properties["$ai_output"] == "secret"
    assert full.properties["$ai_output"] == "secret"


@pytest.mark.spec("SRV-071", "SRV-072")
def test_super_properties_go_with_every_event(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """They are merged under the caller's properties, and can be changed at run time."""
    client.super_properties = {"version": "1", "region": "eu"}
    client.capture("user-1", "paid", {"version": "2"})
    client.super_properties = {"version": "3"}
    client.capture("user-1", "seen")

    paid, seen = posthog_events
    assert (paid.properties["version"], paid.properties["region"]) == ("2", "eu")
    assert seen.properties["version"] == "3"
    assert "region" not in seen.properties


@pytest.mark.spec("SRV-123", "SRV-124", "SRV-126", "SRV-008")
def test_debug_logs_more_for_that_client_only(
    posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Debugging is switched at any time, per client, works from the start and sends nothing."""
    chatty, quiet = Client("phc_test", debug=True), Client("phc_test")

    with caplog.at_level(logging.DEBUG, logger="posthog_web"):
        chatty.capture("user-1", "one", {"secret": "s3cr3t"})
        quiet.capture("user-1", "two")
        chatty.debug = False
        chatty.capture("user-1", "three")

    assert "'one'" in caplog.text
    assert "'two'" not in caplog.text
    assert "'three'" not in caplog.text
    assert "s3cr3t" not in caplog.text
    assert posthog_events.names == ["one", "two", "three"]


@pytest.mark.spec("SRV-125")
def test_debugging_a_disabled_client_is_harmless() -> None:
    """Toggling debug on a client that does nothing raises nothing."""
    client = Client(disabled=True)
    client.debug = True

    assert client.debug is True


def test_debug_touches_no_other_logger() -> None:
    """Only the package's own logger is configured, and never with a handler that prints."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))

    Client("phc_test", debug=True)

    assert (root.level, list(root.handlers)) == before
    handlers = logging.getLogger("posthog_web").handlers
    assert all(isinstance(handler, logging.NullHandler) for handler in handlers)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("disabled", "yes"),
        ("send", 1),
        ("debug", None.__class__),
        ("on_error", 7),
        ("super_properties", ["a"]),
        ("privacy_mode", "on"),
    ],
)
def test_a_bad_assignment_is_refused_and_changes_nothing(
    client: Client, option: str, value: object
) -> None:
    """Assigning a value of the wrong type names the option and keeps the one in force."""
    before = getattr(client, option)

    with pytest.raises(ConfigurationError, match=f"{option} must be"):
        setattr(client, option, value)

    assert getattr(client, option) == before


def test_two_threads_assign_two_options(client: Client) -> None:
    """Assignments from several threads do not undo each other."""
    start = threading.Barrier(2)

    def assign(option: str, values: tuple[object, object]) -> None:
        start.wait(5)
        for number in range(500):
            setattr(client, option, values[number % 2])

    threads = [
        threading.Thread(target=assign, args=("debug", (True, False))),
        threading.Thread(target=assign, args=("privacy_mode", (False, True))),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (client.debug, client.privacy_mode) == (False, True)


@pytest.mark.spec("SRV-004")
def test_clients_are_independent(posthog_events: RecordedEvents) -> None:
    """Two clients share neither options nor figures nor consent."""
    first = Client("phc_one", super_properties={"from": "first"})
    second = Client("phc_two")
    first.opt_out()

    second.capture("user-1", "paid")

    assert "from" not in posthog_events.one("paid").properties
    assert second.is_opted_out() is False


def test_a_client_shows_where_it_sends_but_not_its_key() -> None:
    """The repr of a client and of its options hold no key."""
    client = Client("phc_hidden", "https://eu.posthog.com", personal_api_key="phx_hidden")

    assert repr(client) == "<Client of https://eu.i.posthog.com>"
    assert "hidden" not in repr(client.options)
