"""What ``request.posthog`` answers to calls that are wrong."""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask import Flask

from posthog_web.flask import FlaskPosthog
from posthog_web.testing import RecordedEvents


@pytest.mark.parametrize(
    ("verb", "args", "kwargs", "said"),
    [
        ("capture", ("paid",), {"plan": "pro"}, "got an unexpected keyword argument 'plan'"),
        ("capture", ("paid",), {"props": {}}, "'props'; did you mean properties?"),
        ("capture", (), {}, "missing a required argument: 'event'"),
        ("identify", (), {}, "missing a required argument: 'distinct_id'"),
        ("set", (), {"plan": "pro"}, "missing a required argument: 'properties'"),
        ("set_once", ({}, {}), {}, "too many positional arguments"),
        ("alias", (), {}, "missing a required argument: 'previous_id'"),
        ("group", ("company",), {}, "missing a required argument: 'group_key'"),
        ("tag", ("plan",), {}, "missing a required argument: 'value'"),
        ("capture_exception", (ValueError(),), {"distinct_id": "ann"}, "'distinct_id'"),
    ],
)
def test_a_wrong_call_is_told_as_such(
    verb: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    said: str,
    posthog_events: RecordedEvents,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It captures nothing, raises nothing, and the warning names the verb and the argument."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key="phc_test")

    with app.test_request_context():
        posthog: Any = flask.request.posthog  # type: ignore[attr-defined] # ours
        assert getattr(posthog, verb)(*args, **kwargs) is None

    assert posthog_events.names == []
    [record] = [one for one in caplog.records if one.name == "posthog_web"]
    assert f"request.posthog.{verb}: " in record.getMessage()
    assert said in record.getMessage()
