"""Timestamps on the wire."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_web._moments import now_text, read_timestamp


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)))  # noqa: DTZ001 - hypothesis wants them naive
def test_the_text_of_a_moment_is_that_moment(moment: datetime) -> None:
    """Whatever was asked for before, the text reads back as the moment, to the microsecond."""
    moment = moment.replace(tzinfo=UTC)
    seconds = int(moment.timestamp() // 1)
    nanoseconds = seconds * 1_000_000_000 + moment.microsecond * 1000

    text = now_text(nanoseconds)

    assert datetime.fromisoformat(text) == moment
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00", text)


@pytest.mark.spec("SRV-023")
@given(st.datetimes(timezones=st.timezones()))
def test_any_zone_becomes_utc(moment: datetime) -> None:
    """The instant is kept whatever the zone; what has no UTC equivalent is no moment."""
    text = read_timestamp(moment)

    if text is not None:
        assert datetime.fromisoformat(text) == moment.astimezone(UTC)
        assert text.endswith("+00:00")
    else:
        assert moment.year in {1, 9999}


@given(st.one_of(st.text(), st.integers(), st.floats(), st.binary(), st.none()))
def test_anything_can_be_read_without_raising(value: object) -> None:
    """Whatever is given as a timestamp, reading it gives UTC text or None."""
    text = read_timestamp(value)

    assert text is None or datetime.fromisoformat(text).utcoffset() is not None
