"""Keeps what arrived: events by uuid, and the requests that carried them."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posthog_web.inspector.ingestion import ReceivedEvent

# Enough for an afternoon of development; beyond it the oldest make room.
MAX_EVENTS = 50_000
MAX_REQUESTS = 5_000

CHANGED_ON_THE_WAY = "The event was delivered again with different content under the same uuid."

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    change INTEGER NOT NULL UNIQUE,
    uuid TEXT NOT NULL UNIQUE,
    received_at REAL NOT NULL,
    name TEXT NOT NULL,
    distinct_id TEXT NOT NULL,
    library TEXT NOT NULL,
    personless INTEGER NOT NULL,
    hint TEXT NOT NULL,
    place TEXT NOT NULL DEFAULT '',
    problems TEXT NOT NULL,
    deliveries INTEGER NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_by_name ON events (name);
CREATE INDEX IF NOT EXISTS events_by_person ON events (distinct_id);
CREATE TABLE IF NOT EXISTS requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at REAL NOT NULL,
    path TEXT NOT NULL,
    status INTEGER,
    detail TEXT NOT NULL,
    scripted INTEGER NOT NULL,
    content_encoding TEXT NOT NULL,
    user_agent TEXT NOT NULL,
    wire_bytes INTEGER NOT NULL,
    plain_bytes INTEGER NOT NULL,
    events INTEGER NOT NULL,
    uuids TEXT NOT NULL,
    headers TEXT NOT NULL DEFAULT '{}',
    envelope TEXT NOT NULL DEFAULT '{}'
);
"""

# Columns that came later, and what they hold where they were not: in a file written before.
_LATER_COLUMNS = (
    ("requests", "headers", "{}"),
    ("requests", "envelope", "{}"),
    ("events", "place", ""),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One delivery, as seen on the wire.

    Attributes:
        status: What was answered; None when the connection was closed instead.
        detail: Why it was refused; empty when it was taken.
        scripted: True when the outage script decided the answer.
        wire_bytes: Size of the body as sent; `plain_bytes` is without compression, 0 if unreadable.
        uuids: The events it carried, also when they were not stored.
        headers: As sent, by their names in lower case, secrets hidden.
        envelope: What the body said beside its events.
    """

    received_at: float
    path: str
    status: int | None
    detail: str = ""
    scripted: bool = False
    content_encoding: str = ""
    user_agent: str = ""
    wire_bytes: int = 0
    plain_bytes: int = 0
    uuids: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    envelope: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """One event as it lies in the store.

    Attributes:
        id: Grows with every new event.
        change: Grows with every new event and every repeated delivery, over all events.
        deliveries: How often it arrived.
        body: The event as sent, as JSON.
    """

    id: int
    change: int
    uuid: str
    received_at: float
    name: str
    distinct_id: str
    library: str
    personless: bool
    hint: str
    place: str
    problems: tuple[str, ...]
    deliveries: int
    body: str

    def summary(self) -> dict[str, Any]:
        """Return everything but the event itself."""
        return {
            "id": self.id,
            "uuid": self.uuid,
            "received_at": self.received_at,
            "name": self.name,
            "distinct_id": self.distinct_id,
            "library": self.library,
            "personless": self.personless,
            "hint": self.hint,
            "place": self.place,
            "problems": list(self.problems),
            "deliveries": self.deliveries,
        }

    def event(self) -> dict[str, Any]:
        """Return the event as it was sent."""
        event: dict[str, Any] = json.loads(self.body)
        return event


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which events are wanted; what is None does not restrict.

    Attributes:
        after: Only ids above; `before`: only ids below.
        since: Only changes above, in the order of change.
        text: Occurs in the name, the person or anywhere in the event, whatever its case.
        newest_first: Otherwise in the order of arrival.
    """

    after: int | None = None
    before: int | None = None
    since: int | None = None
    name: str | None = None
    distinct_id: str | None = None
    uuid: str | None = None
    text: str | None = None
    newest_first: bool = False
    limit: int | None = None

    def sql(self, columns: str) -> tuple[str, list[object]]:
        """Return the statement that reads *columns*, and its values."""
        wanted = [
            (condition, value) for condition, value in self._conditions() if value is not None
        ]
        where = " AND ".join(condition for condition, _ in wanted) or "TRUE"
        order = "change" if self.since is not None else "id"
        direction = "DESC" if self.newest_first else "ASC"
        # Only the fixed texts of this class make up the statement; values are bound.
        statement = (
            f"SELECT {columns} FROM events WHERE {where} "  # noqa: S608 (see above)
            f"ORDER BY {order} {direction} LIMIT ?"
        )
        limit = -1 if self.limit is None else self.limit
        return statement, [*(value for _, value in wanted), limit]

    def _conditions(self) -> Iterable[tuple[str, object]]:
        text = None if self.text is None else _like(self.text)
        return (
            ("id > ?", self.after),
            ("id < ?", self.before),
            ("change > ?", self.since),
            ("name = ?", self.name),
            ("distinct_id = ?", self.distinct_id),
            ("uuid = ?", self.uuid),
            (r"(name || char(10) || distinct_id || char(10) || body) LIKE ? ESCAPE '\'", text),
        )


EVERYTHING = Query()

_EVENT_COLUMNS = (
    "id, change, uuid, received_at, name, distinct_id, library, personless, hint, place,"
    " problems, deliveries, body"
)


class Store:
    """Events and requests in SQLite; safe to use from any thread.

    `changed` is notified after every change. `generation` names this content: it differs in
    another store and after `clear()`, so that a reader knows when its position means nothing.
    """

    def __init__(
        self,
        database: str | Path = ":memory:",
        *,
        max_events: int = MAX_EVENTS,
        max_requests: int = MAX_REQUESTS,
    ) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.listeners: list[Callable[[], None]] = []
        self.generation = secrets.token_hex(4)
        self._limits = {"events": max_events, "requests": max_requests}
        self._connection = sqlite3.connect(database, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        # A tool for watching may lose the last second of it when the machine loses power.
        self._connection.execute("PRAGMA synchronous = OFF")
        self._connection.executescript(_SCHEMA)
        self._add_later_columns()
        last = self._value("SELECT max(change) FROM events")
        self._last_change: int = last or 0
        self._counts = {
            "events": self._value("SELECT count(*) FROM events"),
            "requests": self._value("SELECT count(*) FROM requests"),
        }

    @property
    def last_change(self) -> int:
        """The change a reader starts after who wants only what comes next."""
        return self._last_change

    def record(self, request: Request, events: Sequence[ReceivedEvent] = ()) -> None:
        """Keep *request* and the *events* it delivered, all or nothing."""
        with self.changed:
            with self._connection:
                self._insert_request(request)
                for event in events:
                    self._insert_event(event, request.received_at)
                for table in _TABLES:
                    self._make_room(table)
            self._announce()

    def events(self, query: Query = EVERYTHING) -> list[StoredEvent]:
        """Return the events that *query* wants."""
        statement, values = query.sql(_EVENT_COLUMNS)
        with self.changed:
            return [_stored_event(row) for row in self._connection.execute(statement, values)]

    def count(self, query: Query = EVERYTHING) -> int:
        """Return how many events *query* wants."""
        statement, values = query.sql("id")
        with self.changed:
            return int(self._value(f"SELECT count(*) FROM ({statement})", values))  # noqa: S608 (fixed texts)

    def requests(
        self, *, after: int = 0, limit: int | None = None, uuid: str | None = None
    ) -> list[dict[str, Any]]:
        """Return the newest *limit* requests above id *after*, oldest first.

        *uuid* restricts them to those that carried this event.
        """
        statement = (
            "SELECT * FROM (SELECT * FROM requests WHERE id > ? AND instr(uuids, ?)"
            " ORDER BY id DESC LIMIT ?) ORDER BY id"
        )
        values = (after, f'"{uuid}"' if uuid else "[", -1 if limit is None else limit)
        with self.changed:
            return [_request(row) for row in self._connection.execute(statement, values)]

    def clear(self) -> None:
        """Forget everything."""
        with self.changed:
            with self._connection:
                for table in _TABLES:
                    self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 (a fixed text)
                    self._counts[table] = 0
            self.generation = secrets.token_hex(4)
            self._announce()

    def close(self) -> None:
        """Close the database; an unnamed one is gone then."""
        with self.changed:
            self._connection.close()

    def _add_later_columns(self) -> None:
        for table, column, default in _LATER_COLUMNS:
            there = self._connection.execute(f"PRAGMA table_info({table})")
            if column not in {row["name"] for row in there}:
                self._connection.execute(
                    f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT '{default}'"
                )

    def _insert_event(self, event: ReceivedEvent, received_at: float) -> None:
        known = self._connection.execute(
            "SELECT body, problems FROM events WHERE uuid = ?", (event.uuid,)
        ).fetchone()
        self._last_change += 1
        if known is None:
            self._counts["events"] += 1
            self._connection.execute(
                "INSERT INTO events (change, uuid, received_at, name, distinct_id, library,"
                " personless, hint, place, problems, deliveries, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?)",
                (
                    self._last_change,
                    event.uuid,
                    received_at,
                    event.name,
                    event.distinct_id,
                    event.library,
                    event.personless,
                    event.hint,
                    event.place,
                    json.dumps(event.problems),
                    event.body,
                ),
            )
            return
        problems = json.loads(known["problems"])
        if json.loads(known["body"]) != json.loads(event.body):
            problems = [*(old for old in problems if old != CHANGED_ON_THE_WAY), CHANGED_ON_THE_WAY]
        self._connection.execute(
            "UPDATE events SET deliveries = deliveries + 1, change = ?, problems = ?"
            " WHERE uuid = ?",
            (self._last_change, json.dumps(problems), event.uuid),
        )

    def _insert_request(self, request: Request) -> None:
        self._counts["requests"] += 1
        self._connection.execute(
            "INSERT INTO requests (received_at, path, status, detail, scripted, content_encoding,"
            " user_agent, wire_bytes, plain_bytes, events, uuids, headers, envelope)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request.received_at,
                request.path,
                request.status,
                request.detail,
                request.scripted,
                request.content_encoding,
                request.user_agent,
                request.wire_bytes,
                request.plain_bytes,
                len(request.uuids),
                json.dumps(request.uuids),
                json.dumps(request.headers),
                json.dumps(request.envelope),
            ),
        )

    def _make_room(self, table: str) -> None:
        surplus = self._counts[table] - self._limits[table]
        if surplus > 0:
            self._connection.execute(
                f"DELETE FROM {table} WHERE id IN (SELECT id FROM {table} ORDER BY id LIMIT ?)",  # noqa: S608 (fixed texts)
                (surplus,),
            )
            self._counts[table] -= surplus

    def _announce(self) -> None:
        self.changed.notify_all()
        for listener in self.listeners:
            listener()

    def _value(self, statement: str, values: Sequence[object] = ()) -> Any:  # noqa: ANN401 (as SQLite has it)
        return self._connection.execute(statement, values).fetchone()[0]


_TABLES = ("events", "requests")


def _like(text: str) -> str:
    escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"%{escaped}%"


def _stored_event(row: sqlite3.Row) -> StoredEvent:
    columns = dict(row)
    columns["personless"] = bool(columns["personless"])
    columns["problems"] = tuple(json.loads(columns["problems"]))
    return StoredEvent(**columns)


def _request(row: sqlite3.Row) -> dict[str, Any]:
    columns = dict(row)
    columns["scripted"] = bool(columns["scripted"])
    for name in ("uuids", "headers", "envelope"):
        columns[name] = json.loads(columns[name])
    return columns
