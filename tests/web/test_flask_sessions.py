"""Looking a user up in the database session that a view is at work with."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask_login import LoginManager, UserMixin, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event, text
from sqlalchemy.orm import mapped_column

from posthog_web import Client
from posthog_web.flask import FlaskPosthog, request
from posthog_web.testing import RecordedEvents

LOADERS = {
    "get": lambda db, user, number: db.session.get(user, int(number)),
    "query": lambda _db, user, number: user.query.filter_by(id=int(number)).first(),
    "statement that fails": lambda db, _user, _number: db.session.execute(text("SELECT gone")),
}


class Shop:
    """An application with users and orders in a database."""

    def __init__(self, loader: str, *, installed: bool = True) -> None:
        self.app = Flask("shop")
        self.app.config.update(SECRET_KEY="not a secret", SQLALCHEMY_DATABASE_URI="sqlite://")
        self.db: Any = SQLAlchemy(self.app)
        if installed:
            FlaskPosthog(self.app, client=Client("phc_shop"))
        self._add_tables(loader)
        self._add_views(installed=installed)

    def _add_tables(self, loader: str) -> None:
        db = self.db

        class User(UserMixin, db.Model):  # type: ignore[misc, name-defined]  # made at run time
            id = mapped_column(db.Integer, primary_key=True)

        class Order(db.Model):  # type: ignore[misc, name-defined]  # as above
            id = mapped_column(db.Integer, primary_key=True)
            name = mapped_column(db.String, nullable=False)

        self.order = Order
        LoginManager(self.app).user_loader(lambda number: LOADERS[loader](db, User, number))
        with self.app.app_context():
            db.create_all()
            db.session.add(User(id=7))
            db.session.commit()
        self.app.add_url_rule("/login", "login", lambda: str(login_user(db.session.get(User, 7))))

    def _add_views(self, *, installed: bool) -> None:
        app, session = self.app, self.db.session

        @app.get("/order")
        def order() -> str:
            half_done = self.order()
            session.add(half_done)
            if installed:
                request.posthog.capture("ordering")
            half_done.name = "book"
            session.commit()
            return f"order {half_done.id}"

        @app.get("/fails")
        def fails() -> str:
            session.add(self.order())
            raise LookupError

        @app.errorhandler(500)
        def answer(_error: Exception) -> tuple[str, int]:
            [half_done] = session.new
            half_done.name = "saved all the same"
            session.commit()
            return f"order {half_done.id}", 500

    def ask(self, *paths: str) -> list[tuple[int, str]]:
        """Return the answers to somebody who is logged in."""
        client = self.app.test_client()
        client.get("/login")
        answers = [client.get(path) for path in paths]
        return [(answer.status_code, answer.text) for answer in answers]


@pytest.mark.parametrize("loader", sorted(LOADERS))
def test_what_a_view_is_half_done_with_is_not_written(
    loader: str, posthog_events: RecordedEvents
) -> None:
    """The look-up sends nothing that waits in the session, which works on as without us."""
    paths = ("/order", "/fails", "/order")
    assert Shop(loader).ask(*paths) == Shop(loader, installed=False).ask(*paths)

    assert posthog_events.names == ["ordering", "$exception", "ordering"]
    for one in posthog_events:
        assert one.is_personless if loader == "statement that fails" else one.distinct_id == "7"


def test_a_session_flushes_as_before_after_a_look_up(posthog_events: RecordedEvents) -> None:
    """What was switched off for the look-up is on again; a session nobody used is not made."""
    shop = Shop("get")
    states: list[object] = []

    @shop.app.get("/states")
    def states_of_session() -> str:
        states.append(shop.db.session.registry.has())
        request.posthog.capture("seen", distinct_id="nobody asks")
        states.append(shop.db.session.registry.has())
        request.posthog.capture("seen")
        states.append(shop.db.session.autoflush)
        return "done"

    shop.ask("/states")

    assert states == [False, False, True]
    assert posthog_events.names == ["seen", "seen"]


def test_a_request_that_captures_nothing_sends_no_statement(
    posthog_events: RecordedEvents,
) -> None:
    """Not even where it ends with a refusal."""
    shop = Shop("get")
    client = shop.app.test_client()
    client.get("/login")
    statements: list[str] = []
    with shop.app.app_context():
        event.listen(
            shop.db.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )

    assert client.get("/nowhere").status_code == 404
    assert (statements, posthog_events.names) == ([], [])
