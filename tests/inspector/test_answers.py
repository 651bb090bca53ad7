"""The outage script."""

from __future__ import annotations

import pytest

from posthog_web.inspector.answers import Answer, AnswerScript, read_answer
from posthog_web.inspector.refusal import Refusal


class TestAnswerScript:
    """Which delivery is answered what."""

    def test_empty(self) -> None:
        """Without a script the truth is told."""
        assert AnswerScript().take() is None

    def test_numbers_queue_up(self) -> None:
        """Answers with a number follow each other, then the truth is told again."""
        script = AnswerScript()
        script.add(Answer(status=503), 2)
        script.add(Answer(status=413), 1)

        taken = [script.take() for _ in range(4)]

        assert [answer and answer.status for answer in taken] == [503, 503, 413, None]

    def test_without_a_number(self) -> None:
        """An answer without a number lasts until another is scripted."""
        script = AnswerScript()
        script.add(Answer(status=503))
        before = [script.take(), script.take()]
        script.add(Answer(status=429))

        assert before == [Answer(status=503)] * 2
        assert script.take() == Answer(status=429)

    def test_clear(self) -> None:
        """Clearing forgets everything."""
        script = AnswerScript()
        script.add(Answer())
        script.clear()

        assert (script.take(), script.describe()) == (None, [])

    def test_described_as_read(self) -> None:
        """A description can be read again."""
        wanted = {
            "status": 429,
            "times": 3,
            "headers": {"Retry-After": "1"},
            "delay": 0.5,
            "close": True,
            "body": "x",
            "results": {},
        }
        script = AnswerScript()
        script.add(*read_answer(wanted))

        assert script.describe() == [wanted]

    def test_results_described_as_read(self) -> None:
        """Results are described in full and can be read again."""
        named = {"result": "drop", "details": "limit"}
        wanted = {"status": 200, "results": {"a": named, "b": None, "*": "retry"}}
        script = AnswerScript()
        script.add(*read_answer(wanted))
        [described] = script.describe()

        assert described["results"] == {"a": named, "b": None, "*": {"result": "retry"}}
        assert read_answer(described) == read_answer(wanted)


class TestReadAnswer:
    """Answers as JSON."""

    def test_defaults(self) -> None:
        """An empty object is 503 until further notice."""
        assert read_answer({}) == (Answer(status=503), None)

    @pytest.mark.parametrize(
        "wanted",
        [
            [],
            {"code": 503},
            {"status": 99},
            {"status": True},
            {"times": 0},
            {"delay": -1},
            {"delay": float("inf")},
            {"headers": {"a": "b\r\nc: d"}},
            {"headers": {"a b": "c"}},
            {"headers": {"a": 1}},
            {"close": 1},
            {"body": 3},
            {"status": 200, "results": []},
            {"status": 200, "results": {"paid": 3}},
            {"status": 200, "results": {"paid": {"result": 3}}},
            {"status": 200, "results": {"paid": {"code": "drop"}}},
            {"status": 503, "results": {"paid": "drop"}},
            {"status": 200, "close": True, "results": {"paid": "drop"}},
        ],
    )
    def test_impossible(self, wanted: object) -> None:
        """What cannot be answered is refused with 400."""
        with pytest.raises(Refusal) as caught:
            read_answer(wanted)

        assert caught.value.status == 400
