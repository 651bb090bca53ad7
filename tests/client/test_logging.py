"""posthog_web.logging.PosthogHandler: what an application logs as an exception is reported."""

from __future__ import annotations

import asyncio
import logging
import logging.config
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import posthog_web
from posthog_web import Client
from posthog_web.inspector import Inspector
from posthog_web.logging import PosthogHandler
from posthog_web.testing import RecordedEvents

PATIENCE = 5.0

logger = logging.getLogger("shop.orders")


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Take out what a test puts in, and let the logger write at any level meanwhile."""
    root, level = logging.getLogger(), logger.level
    before = list(root.handlers)
    logger.setLevel(1)
    yield
    logger.setLevel(level)
    root.handlers[:] = before


def listen(client: Client | None = None, level: int | str = logging.ERROR) -> None:
    """Report what any logger writes from now on, until the test is over."""
    logging.getLogger().addHandler(PosthogHandler(level, client))


def fail(error: BaseException | None = None) -> None:
    """Raise *error*."""
    raise error or ValueError("no")


def log(message: Any = "order failed", *values: object, level: int = logging.ERROR) -> None:
    """Log an exception that was raised and caught."""
    try:
        fail()
    except ValueError:
        logger.log(level, message, *values, exc_info=True)


@pytest.mark.spec("SRV-307", "SRV-308", "SRV-310", "SRV-318")
def test_a_logged_exception_is_reported(client: Client, posthog_events: RecordedEvents) -> None:
    """logger.exception in an except block: one event with stack, message and the logger's name."""
    listen(client)
    with posthog_web.new_context():
        posthog_web.identify_context("user-1")
        log("order %s failed for %r", 7, {"card": "4111"})

    event = posthog_events.one("$exception")
    properties = event.properties
    [entry] = properties["$exception_list"]
    assert event.distinct_id == "user-1"
    assert (entry["type"], entry["value"]) == ("ValueError", "no")
    assert (entry["mechanism"]["type"], entry["mechanism"]["handled"]) == ("logger", True)
    assert entry["mechanism"]["synthetic"] is False
    assert entry["stacktrace"]["frames"][-1]["function"] == "fail"
    assert properties["$exception_source"] == "python.logging"
    assert properties["$exception_level"] == "error"
    assert properties["log_message"] == "order %s failed for %r"
    assert properties["logger_name"] == "shop.orders"
    assert "4111" not in str(event)


@pytest.mark.spec("SRV-317", "SRV-319")
@pytest.mark.parametrize(
    ("level", "name"),
    [
        (60, "fatal"),
        (logging.CRITICAL, "fatal"),
        (45, "error"),
        (logging.ERROR, "error"),
        (logging.WARNING, "warning"),
        (logging.INFO, "info"),
        (logging.DEBUG, "debug"),
        (5, "debug"),
    ],
)
def test_the_level_is_that_of_the_record(
    client: Client, posthog_events: RecordedEvents, level: int, name: str
) -> None:
    """In PostHog's words; even what is logged as critical was handled."""
    listen(client, level=1)
    log(level=level)

    properties = posthog_events.one("$exception").properties
    assert properties["$exception_level"] == name
    assert properties["$exception_list"][0]["mechanism"]["handled"] is True


def test_what_is_no_failure_is_not_reported(client: Client, posthog_events: RecordedEvents) -> None:
    """Records below the level, those without an exception, and an exception() outside of any."""
    listen(client)
    log(level=logging.WARNING)
    logger.error("nothing to see")
    logger.exception("nothing here either")  # noqa: LOG004 - this is the case
    PosthogHandler(client=client).handle(logging.makeLogRecord({"exc_info": "text"}))

    assert posthog_events.names == []


def test_the_level_may_be_a_name(client: Client, posthog_events: RecordedEvents) -> None:
    """As with any handler."""
    listen(client, level="CRITICAL")
    log(level=logging.ERROR)
    log(level=logging.CRITICAL)

    assert posthog_events.names == ["$exception"]


def test_filters_decide(client: Client, posthog_events: RecordedEvents) -> None:
    """A filter on the handler keeps records from being reported."""
    handler = PosthogHandler(client=client)
    handler.addFilter(lambda record: "secret" not in str(record.msg))
    logging.getLogger().addHandler(handler)
    log("a secret")
    log("nothing special")

    assert posthog_events.one("$exception").properties["log_message"] == "nothing special"


def test_the_same_exception_is_one_event(client: Client, posthog_events: RecordedEvents) -> None:
    """Logged twice on its way up, logged again at the boundary: the first report counts."""
    listen(client)
    listen(client)
    error = ValueError("no")
    for message in ("inner", "outer"):
        logger.error(message, exc_info=error)

    assert posthog_events.one("$exception").properties["log_message"] == "inner"


def test_broken_records_are_reported_too(client: Client, posthog_events: RecordedEvents) -> None:
    """Arguments that do not fit the message are not looked at, nor a message that is no text."""

    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError

        __repr__ = __str__

    class Whole(str):
        __slots__ = ()

        def __getitem__(self, _: object) -> str:
            raise RuntimeError

    handler = PosthogHandler(client=client)
    records = [("%d of %d", ("x",)), (Hostile(), ()), ("%s", (Hostile(),)), (Whole("whole"), ())]
    for message, values in records:
        try:
            fail()
        except ValueError as error:
            triple = (type(error), error, error.__traceback__)
        handler.handle(logging.LogRecord("shop", 40, __file__, 1, message, values, triple))

    messages = [event.properties.get("log_message") for event in posthog_events]
    assert messages == ["%d of %d", None, "%s", "whole"]


def test_a_record_without_a_name_is_reported_too(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """What a socket received is made into a record of what it had."""
    error = ValueError()
    record = logging.makeLogRecord({"exc_info": (ValueError, error, None)})

    PosthogHandler(client=client).handle(record)

    assert posthog_events.names == ["$exception"]


def test_the_client_of_the_context_reports(posthog_events: RecordedEvents) -> None:
    """Made without a client, it looks for one with each record: the scope's, or the default one."""
    listen()
    with posthog_web.new_context(client=Client("phc_test", super_properties={"mine": True})):
        log()

    assert posthog_events.one("$exception").properties["mine"] is True


def test_without_a_client_it_does_nothing(
    posthog_events: RecordedEvents, capsys: pytest.CaptureFixture[str]
) -> None:
    """No key anywhere: the record is logged as ever, and nobody is told of anything."""
    listen()
    log()

    assert posthog_events.names == []
    assert capsys.readouterr().err == ""


def test_our_own_records_are_not_reported(client: Client, posthog_events: RecordedEvents) -> None:
    """What this package writes to its logger, or below it, is no failure of the application."""
    listen(client)
    for name in ("posthog_web", "posthog_web.anything"):
        logging.getLogger(name).error("odd", exc_info=ValueError("no"))
    logging.getLogger("posthog_web_shop").error("odd", exc_info=ValueError("no"))

    assert posthog_events.one("$exception").properties["logger_name"] == "posthog_web_shop"


def test_a_captured_exception_that_is_also_logged_is_one_event(
    posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """log_captured_exceptions beside the handler: no echo."""
    client = Client("phc_test", log_captured_exceptions=True)
    listen(client)
    log()
    client.capture_exception(ValueError("another"))

    assert len(posthog_events) == 2
    names = [record.name for record in caplog.records if record.exc_info]
    assert sorted(names) == ["posthog_web", "posthog_web", "shop.orders"]


def test_a_hook_that_logs_its_own_failure_ends_no_program(
    posthog_events: RecordedEvents,
) -> None:
    """before_send logs an exception for each event it is given: one report for each, no more."""
    seen: list[str] = []

    def keep(event: dict[str, Any]) -> dict[str, Any]:
        seen.append(event["event"])
        log("in before_send")
        return event

    client = Client("phc_test", before_send=keep)
    listen(client)
    client.capture("user-1", "paid")
    log()

    assert seen == ["paid", "$exception", "$exception"]
    assert posthog_events.names == ["$exception", "paid", "$exception"]


@pytest.mark.parametrize("sync_mode", [False, True])
def test_failed_deliveries_are_not_reported(inspector: Inspector, *, sync_mode: bool) -> None:
    """on_error logs each failure with its exception: nothing new is captured, on any thread."""
    inspector.answer(status=400)
    told: list[Exception] = []

    def on_error(error: Exception) -> None:
        told.append(error)
        logger.error("PostHog failed", exc_info=error)

    with Client("phc_test", inspector.url, on_error=on_error, sync_mode=sync_mode) as client:
        listen(client, level=1)
        client.capture("user-1", "paid")
        client.flush()
        stats = client.stats()

    assert len(told) == 1
    assert (stats.captured, stats.dropped_total) == (1, 1)


def test_a_report_that_takes_its_time_holds_nobody_up(posthog_events: RecordedEvents) -> None:
    """While one thread waits inside before_send, another logs and goes on."""
    inside, goes_on = threading.Event(), threading.Event()

    def keep(event: dict[str, Any]) -> dict[str, Any]:
        if event["properties"]["log_message"] == "slow":
            inside.set()
            goes_on.wait(PATIENCE)
        return event

    listen(Client("phc_test", before_send=keep))
    slow = threading.Thread(target=log, args=("slow",))
    quick = threading.Thread(target=log, args=("quick",))
    slow.start()
    assert inside.wait(PATIENCE)
    quick.start()
    quick.join(PATIENCE / 2)
    held_up = quick.is_alive()
    goes_on.set()
    slow.join()
    quick.join()

    assert not held_up
    assert [event.properties["log_message"] for event in posthog_events] == ["quick", "slow"]


def test_a_storm_is_bounded(client: Client, posthog_events: RecordedEvents) -> None:
    """The same line fails a thousand times: the limit of all reports holds here too."""
    listen(client)
    for _ in range(1000):
        log()

    assert 50 <= len(posthog_events) < 100


def test_it_is_made_by_a_configuration_of_logging(posthog_events: RecordedEvents) -> None:
    """dictConfig makes it by its name, before there is any client."""
    name = "shop.configured"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "handlers": {
                "posthog": {"class": "posthog_web.logging.PosthogHandler", "level": "WARNING"}
            },
            "loggers": {name: {"handlers": ["posthog"], "propagate": False}},
        }
    )
    configured = logging.getLogger(name)
    with posthog_web.new_context(client=Client("phc_test")):
        configured.warning("odd", exc_info=ValueError("no"))
    configured.handlers.clear()

    assert posthog_events.one("$exception").properties["$exception_level"] == "warning"


def test_values_in_the_message_itself_are_masked_as_in_others(
    client: Client, posthog_events: RecordedEvents
) -> None:
    """An f-string holds what arguments would."""
    listen(client)
    log(f"login of bob failed, password={'hunter2'}")

    message = posthog_events.one("$exception").properties["log_message"]
    assert message.startswith("login of bob failed, password=")
    assert "hunter2" not in message


def test_a_task_that_a_hook_starts_is_reported(posthog_events: RecordedEvents) -> None:
    """What is started while an exception is reported goes on when that is done."""
    tasks: list[asyncio.Task[None]] = []

    async def poll() -> None:
        await started.wait()
        log("polling failed")

    def start_polling(event: Any) -> Any:
        if not tasks:
            tasks.append(asyncio.get_running_loop().create_task(poll()))
        return event

    async def run() -> None:
        log("the first")
        started.set()
        await tasks[0]

    started = asyncio.Event()
    listen(Client("phc_test", before_send=start_polling))
    asyncio.run(run())

    messages = [event.properties["log_message"] for event in posthog_events]
    assert messages == ["the first", "polling failed"]
