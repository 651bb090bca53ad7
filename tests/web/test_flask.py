"""What Flask's own places are given."""

from __future__ import annotations

import flask
from flask import Flask, render_template_string

from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvents


def make_app(key: str) -> Flask:
    """Return an application whose page shows who is there."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key=key)

    @app.get("/")
    def page() -> str:
        return render_template_string("{{ posthog.distinct_id }} {{ posthog.capture('seen') }}")

    return app


def test_templates_have_posthog(posthog_events: RecordedEvents) -> None:
    """Beside request and session stands posthog, bound to the request."""
    client = make_app("phc_one").test_client()

    answer = client.get("/", headers={"X-PostHog-Distinct-Id": "visitor-7"}).text

    event = posthog_events.one("seen")
    assert answer == f"visitor-7 {event.uuid}"
    assert event.distinct_id == "visitor-7"


def test_templates_work_outside_a_request() -> None:
    """Where there is no request there is no posthog, and no error."""
    with make_app("phc_one").app_context():
        assert flask.render_template_string("{{ posthog is defined }}") == "False"


def test_several_applications_have_clients_of_their_own(posthog_events: RecordedEvents) -> None:
    """Two applications with two keys in one process do not mix."""
    one, two = make_app("phc_one"), make_app("phc_two")
    for app in (one, two, one):
        app.test_client().get("/")

    clients = {app.extensions["posthog"].client for app in (one, two)}
    assert {client.options.project_api_key for client in clients} == {"phc_one", "phc_two"}
    assert len(posthog_events) == 3
