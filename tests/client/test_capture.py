"""What ``capture`` makes of its arguments."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents

UUID7 = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    ("positional", "keywords"),
    [
        (("user-1", "paid", {"plan": "pro"}), {}),
        (("user-1", "paid"), {"properties": {"plan": "pro"}}),
        (("user-1",), {"event": "paid", "properties": {"plan": "pro"}}),
        (("paid", {"plan": "pro"}), {"distinct_id": "user-1"}),
        (("paid", None), {"distinct_id": "user-1", "properties": {"plan": "pro"}}),
        (("paid",), {"distinct_id": "user-1", "properties": {"plan": "pro"}}),
        ((), {"distinct_id": "user-1", "event": "paid", "properties": {"plan": "pro"}}),
        (("user-1", "paid", {"plan": "pro"}), {"context": {"ip": "::1"}}),
    ],
)
@pytest.mark.spec("SRV-009")
def test_both_call_generations_mean_the_same(
    client: Client, posthog_events: RecordedEvents, positional: Any, keywords: Any
) -> None:
    """An event can be captured person first, event first, or by keyword."""
    assert client.capture(*positional, **keywords)

    event = posthog_events.one("paid")
    assert event.distinct_id == "user-1"
    assert event.properties["plan"] == "pro"


@pytest.mark.spec("SRV-013", "SRV-014", "SRV-025", "SRV-027")
def test_an_event_is_the_common_envelope_and_capture_returns_its_uuid(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """The wire has event, distinct_id, properties, timestamp and a UUIDv7, which is returned."""
    before = datetime.now(UTC)

    number = client.capture("user-1", "paid")

    raw = posthog_events.one("paid").raw
    assert set(raw) == {"event", "distinct_id", "properties", "timestamp", "uuid"}
    assert raw["uuid"] == number
    assert UUID(number).version == 7
    assert before <= datetime.fromisoformat(raw["timestamp"]) <= datetime.now(UTC)
    assert raw["timestamp"].endswith("+00:00")


@pytest.mark.spec("SRV-017", "SRV-018", "SRV-026")
def test_an_event_names_its_library_and_collects_nothing_of_a_browser(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """Only the library, the server's own platform and the geoip switch are added by themselves."""
    client.capture("user-1", "paid")

    properties = posthog_events.one("paid").properties
    assert properties["$lib"] == "posthog-web"
    assert properties["$is_server"] is True
    assert properties["$geoip_disable"] is True
    assert set(properties) - {"$os_distro"} == {
        "$lib",
        "$lib_version",
        "$is_server",
        "$geoip_disable",
        "$python_runtime",
        "$python_version",
        "$os",
        "$os_version",
    }


@pytest.mark.spec("SRV-017", "SRV-019", "SRV-072")
def test_the_callers_value_wins_over_ours_and_over_super_properties(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """What the caller writes is never replaced."""
    client.super_properties = {"plan": "free", "region": "eu"}

    client.capture("u", "paid", {"plan": "pro", "$lib": "mine", "$os": "Plan 9"})

    properties = posthog_events.one("paid").properties
    assert properties["plan"] == "pro"
    assert properties["region"] == "eu"
    assert properties["$lib"] == "mine"
    assert properties["$os"] == "Plan 9"


@pytest.mark.parametrize(
    ("given", "sent"), [("user-1", "user-1"), (42, "42"), (0, "0"), (UUID7, str(UUID7)), ("ü", "ü")]
)
def test_ids_become_text(
    client: Client, posthog_events: RecordedEvents, given: Any, sent: str
) -> None:
    """Numbers and UUIDs name a person as their text."""
    client.capture("paid", distinct_id=given)

    assert posthog_events.one("paid").distinct_id == sent


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "distinct_id is empty"),
        ("  \t", "distinct_id is empty"),
        (True, "not bool"),
        (1.5, "not float"),
        ({"id": 1}, "not dict"),
        (object(), "not object"),
        (b"user", "not bytes"),
    ],
)
@pytest.mark.spec("SRV-011")
def test_an_id_that_names_nobody_drops_the_event(
    client: Client,
    posthog_events: RecordedEvents,
    caplog: pytest.LogCaptureFixture,
    given: Any,
    said: str,
) -> None:
    """An empty or impossible id is refused with a warning, never replaced by a random one."""
    assert client.capture("paid", distinct_id=given) is None

    assert len(posthog_events) == 0
    assert said in caplog.text
    assert client.stats().declined == {"invalid_event": 1}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "the event's name must be text"),
        (("",), "the event's name is empty"),
        (("user-1", "  "), "the event's name is empty"),
        ((None,), "the event's name must be text, not NoneType"),
        ((7, {"a": 1}), "the event's name must be text, not int"),
        (("user-1", 7), "the event's name must be text, not int"),
        (("user-1", "paid", {}, "more"), "capture takes"),
    ],
)
@pytest.mark.spec("SRV-010", "SRV-012")
def test_an_event_without_a_name_is_not_sent(
    client: Client,
    posthog_events: RecordedEvents,
    caplog: pytest.LogCaptureFixture,
    given: Any,
    said: str,
) -> None:
    """A name that is no text, or empty, is refused with a warning and nothing raises."""
    assert client.capture(*given) is None

    assert len(posthog_events) == 0
    assert said in caplog.text


@pytest.mark.parametrize("given", ["text", 7, ["a"], object()])
def test_properties_that_are_no_mapping_are_left_out(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture, given: Any
) -> None:
    """Bad properties cost themselves, not the event."""
    assert client.capture("paid", distinct_id="u", properties=given)

    assert posthog_events.one("paid").distinct_id == "u"
    assert "properties must be a mapping" in caplog.text


@pytest.mark.spec("SRV-033")
def test_without_an_id_the_event_is_about_nobody(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """No id makes a random one and no profile, unless the caller decided about the profile."""
    client.capture("seen")
    client.capture("seen", {"$process_person_profile": True})
    client.capture("seen", distinct_id="u")

    nobody, decided, somebody = posthog_events
    assert nobody.is_personless
    assert UUID(nobody.distinct_id)
    assert nobody.distinct_id != decided.distinct_id
    assert decided.properties["$process_person_profile"] is True
    assert "$process_person_profile" not in somebody.properties


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, 678901, UTC), "2026-01-02T03:04:05.678901+00:00"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2026-01-01T21:34:05+00:00",
        ),
        (datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05+00:00"),  # noqa: DTZ001 - naive on purpose
        ("2026-01-02T03:04:05.5Z", "2026-01-02T03:04:05.500000+00:00"),
        ("2026-01-02T03:04:05+0530", "2026-01-01T21:34:05+00:00"),
        ("2026-01-02", "2026-01-02T00:00:00+00:00"),
        (datetime(2026, 1, 2, tzinfo=UTC).date(), "2026-01-02T00:00:00+00:00"),
    ],
)
@pytest.mark.spec("SRV-023")
def test_a_timestamp_is_sent_in_utc(
    client: Client, posthog_events: RecordedEvents, given: Any, sent: str
) -> None:
    """Any moment is converted to UTC with its fraction; naive ones are UTC already."""
    client.capture("u", "paid", timestamp=given)

    assert posthog_events.one("paid").timestamp == sent


@pytest.mark.parametrize(
    "given",
    ["yesterday", 1700000000, object(), datetime.min.replace(tzinfo=timezone(timedelta(hours=9)))],
)
@pytest.mark.spec("SRV-024")
def test_a_timestamp_that_cannot_be_read_is_now(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture, given: Any
) -> None:
    """A bad timestamp is replaced by the current time, with a warning."""
    client.capture("u", "paid", timestamp=given)

    sent = datetime.fromisoformat(posthog_events.one("paid").timestamp)
    assert datetime.now(UTC) - sent < timedelta(minutes=1)
    assert "timestamp: it cannot be read" in caplog.text


def test_a_uuid_of_the_caller_is_kept(client: Client, posthog_events: RecordedEvents) -> None:
    """A valid UUID of any version goes out; anything else is replaced with a warning."""
    given = uuid4()

    assert client.capture("u", "kept", uuid=given) == str(given)
    assert client.capture("u", "kept", uuid=str(given).upper()) == str(given)
    replaced = client.capture("u", "replaced", uuid="no uuid")

    assert [event.uuid for event in posthog_events] == [str(given), str(given), replaced]


@pytest.mark.spec("SRV-020")
def test_groups_go_out_as_groups(client: Client, posthog_events: RecordedEvents) -> None:
    """Groups are sent as $groups, their keys as text."""
    client.capture("u", "paid", groups={"company": "acme", "team": 7})

    assert posthog_events.one("paid").properties["$groups"] == {"company": "acme", "team": "7"}


def test_a_group_that_cannot_be_read_costs_only_itself(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Of several groups the good ones go out, and each bad one is said."""
    client.capture("u", "paid", groups={"company": "", "team": "x", 7: None})
    client.capture("u", "seen", groups=["company"])

    assert posthog_events.one("paid").properties["$groups"] == {"team": "x"}
    assert "$groups" not in posthog_events.one("seen").properties
    assert "a group's key is empty" in caplog.text
    assert "groups must be a mapping" in caplog.text


def test_geoip_can_be_decided_per_call(client: Client, posthog_events: RecordedEvents) -> None:
    """``disable_geoip`` on a call overrides the client's."""
    client.capture("u", "with", disable_geoip=False)
    client.capture("u", "without", disable_geoip=True)

    assert "$geoip_disable" not in posthog_events.one("with").properties
    assert posthog_events.one("without").properties["$geoip_disable"] is True


@pytest.mark.spec("SRV-032")
def test_capturing_exception_by_name_points_to_the_right_verb(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """An $exception through capture is sent, with a pointer to capture_exception."""
    assert client.capture("u", "$exception")

    assert "capture_exception" in caplog.text


def test_an_event_is_a_snapshot(client: Client, posthog_events: RecordedEvents) -> None:
    """Changing what was passed, afterwards, does not change the event."""
    items = ["book"]
    properties = {"items": items}

    client.capture("u", "paid", properties)
    items.append("lamp")
    properties["more"] = ["late"]

    sent = posthog_events.one("paid").properties
    assert sent["items"] == ["book"]
    assert "more" not in sent


def test_one_bad_value_costs_only_itself(client: Client, posthog_events: RecordedEvents) -> None:
    """A property that cannot even be printed does not cost the event."""

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    client.capture("u", "paid", {"broken": Broken(), "plan": "pro"})

    assert posthog_events.one("paid").properties["plan"] == "pro"


def test_an_event_over_the_limit_is_dropped_by_name(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Only the event that is too large is dropped, with its name and size, and counted."""
    assert client.capture("u", "huge", {"blob": "x" * 1_000_000}) is None
    assert client.capture("u", "fits", {"blob": "x" * 900_000})

    assert posthog_events.names == ["fits"]
    assert "'huge' is 976 KiB" in caplog.text
    assert client.stats().dropped == {"too_large": 1}


def test_flags_are_not_available_yet_and_say_so(
    client: Client, posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """Asking for feature flags costs nothing but a warning."""
    client.capture("u", "paid", send_feature_flags=True)

    assert posthog_events.names == ["paid"]
    assert "feature flags are not available" in caplog.text


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"dist_id": "u"}, "'dist_id'; did you mean distinct_id?"),
        ({"props": {}}, "'props'; did you mean properties?"),
        ({"nonsense": 1}, "'nonsense'"),
    ],
    ids=["id", "properties", "unknown"],
)
def test_an_argument_that_does_not_exist_is_said(
    client: Client,
    posthog_events: RecordedEvents,
    caplog: pytest.LogCaptureFixture,
    keywords: dict[str, Any],
    said: str,
) -> None:
    """A misspelled keyword declines the event with the nearest right name, and raises nothing."""
    assert client.capture("paid", **keywords) is None

    assert len(posthog_events) == 0
    assert said in caplog.text
    assert client.stats().declined == {"invalid_event": 1}


def test_no_warning_quotes_what_it_warns_about(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Bad input is described by its type: values may be secret."""
    with caplog.at_level(logging.DEBUG):
        client.capture("paid", distinct_id={"secret": "s3cr3t"})
        client.capture("paid", "s3cr3t", 5, "s3cr3t")  # type: ignore[call-overload]
        client.capture("paid", {"a": 1}, timestamp="s3cr3t", uuid="s3cr3t")
        client.capture("paid", distinct_id="u", properties="s3cr3t")  # type: ignore[call-overload]

    assert caplog.records
    assert "s3cr3t" not in caplog.text


@pytest.mark.spec("SRV-028")
def test_capturing_one_person_leaves_nothing_for_the_next(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """No property, group or id of one event shows up in another, and no scope is changed."""
    client.capture("paid", {"email": "a@example.org"}, distinct_id="ada", groups={"company": "x"})
    client.identify("ada", {"name": "Ada"})
    client.capture("paid", distinct_id="grace")
    client.capture("paid")

    _, _, grace, nobody = posthog_events
    assert "email" not in grace.properties
    assert "$groups" not in grace.properties
    assert "$set" not in grace.raw
    assert nobody.is_personless
    assert posthog_web.get_distinct_id() is None


@pytest.mark.spec("SRV-031", "SRV-077")
def test_threads_and_tasks_capture_side_by_side(inspector: Inspector) -> None:
    """Eight threads and as many tasks lose nothing, and what each sent arrives in its order."""

    def work(worker: int) -> None:
        for number in range(200):
            client.capture(f"thread-{worker}", "step", {"number": number})

    async def task(worker: int) -> None:
        for number in range(50):
            client.capture(f"task-{worker}", "step", {"number": number})
            await asyncio.sleep(0)

    async def tasks() -> None:
        await asyncio.gather(*(task(worker) for worker in range(8)))

    with Client("phc_test", inspector.url, flush_at=50) as client:
        threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
        for thread in threads:
            thread.start()
        asyncio.run(tasks())
        for thread in threads:
            thread.join(20)

    steps: dict[str, list[int]] = {}
    for event in inspector.events():
        steps.setdefault(event["distinct_id"], []).append(event["properties"]["number"])
    assert len(steps) == 16
    for person, numbers in steps.items():
        assert numbers == list(range(200 if person.startswith("thread") else 50))
