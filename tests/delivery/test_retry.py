"""What an answer means for a batch: a pure decision, tried here without clock, wait or network."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthog_web._delivery.retry import Answer, Attempts, Decision, Results, RetryPolicy, Verdict
from posthog_web._delivery.transport import read_retry_after

POLICY = RetryPolicy(max_retries=3, max_age=900.0)
NO_ANSWER = Answer(error=ConnectionRefusedError())
BUSY = Answer(status=503)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()


def decide(
    answer: Answer,
    *,
    before: Attempts | None = None,
    policy: RetryPolicy = POLICY,
    age: float = 0.0,
    jitter: float = 0.5,
) -> Decision:
    """Return what *answer* means after the attempts *before* it."""
    attempts = (before or Attempts()).after(answer)
    return policy.decide(attempts, answer, age=age, jitter=lambda: jitter)


@pytest.mark.spec("SRV-088", "SRV-097")
@pytest.mark.parametrize(
    ("verdict", "statuses"),
    [
        (Verdict.DELIVERED, [200, 201, 202, 204, 299]),
        (Verdict.REFUSED, [301, 302, 304, 307, 308, 400, 401, 403, 404, 413, 422, 451]),
        (Verdict.AGAIN, [408, 429, 500, 501, 502, 503, 504, 520, 599]),
    ],
)
def test_a_status_decides(verdict: Verdict, statuses: list[int]) -> None:
    """2xx is delivered; 408, 429 and 5xx are tried again; all else is refused for good."""
    assert {decide(Answer(status=status)).verdict for status in statuses} == {verdict}


@pytest.mark.spec("SRV-082")
def test_what_is_too_large_is_halved_down_to_one() -> None:
    """413 splits a batch of several events, and refuses a single one for good."""
    too_large = Answer(status=413)

    verdicts = [POLICY.decide(Attempts(), too_large, age=0.0, events=count) for count in (9, 2, 1)]

    assert [decision.verdict for decision in verdicts] == [
        Verdict.SPLIT,
        Verdict.SPLIT,
        Verdict.REFUSED,
    ]


def test_events_asked_for_again_are_an_answer_that_asks_for_another_try() -> None:
    """A success that wants single events again is paused after, counted, and given up."""
    some = Answer(status=200, retry_after=7.0, results=Results(asked_again=frozenset({1})))

    assert decide(some) == Decision(verdict=Verdict.AGAIN, delay=7.0)
    assert decide(some, before=Attempts(answered=3)).verdict is Verdict.GIVEN_UP


def test_a_success_without_the_results_it_must_have_is_none() -> None:
    """Where results are to be told, their absence is final: nobody knows what to send again."""
    assert decide(Answer(status=200, results=Results(readable=False))).verdict is Verdict.REFUSED


@pytest.mark.spec("SRV-100")
@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_answered_attempts_are_counted(max_retries: int) -> None:
    """A batch is given up after max_retries + 1 answers that ask for another try."""
    policy = RetryPolicy(max_retries=max_retries, max_age=900.0)

    verdicts = [
        decide(BUSY, before=Attempts(answered=tried), policy=policy).verdict
        for tried in range(max_retries + 1)
    ]

    assert verdicts == [Verdict.AGAIN] * max_retries + [Verdict.GIVEN_UP]


def test_silence_in_between_costs_no_attempt() -> None:
    """Attempts that nobody answered neither count nor reset those that were answered."""
    attempts = Attempts()
    for answer in (BUSY, NO_ANSWER, NO_ANSWER, BUSY):
        attempts = attempts.after(answer)

    assert (attempts.answered, attempts.unanswered) == (2, 0)


@pytest.mark.parametrize("tried", [0, 10, 5_000])
def test_silence_is_outwaited_until_the_batch_is_too_old(tried: int) -> None:
    """While nobody answers only age counts, however often it was tried."""
    before = Attempts(unanswered=tried)

    assert decide(NO_ANSWER, before=before, age=899.9).verdict is Verdict.AGAIN
    assert decide(NO_ANSWER, before=before, age=900.0).verdict is Verdict.GIVEN_UP


def test_without_retries_silence_ends_it_too() -> None:
    """max_retries=0 means one attempt, also when nobody answers."""
    policy = RetryPolicy(max_retries=0, max_age=900.0)

    assert decide(NO_ANSWER, policy=policy).verdict is Verdict.GIVEN_UP


def test_on_a_callers_thread_every_attempt_counts() -> None:
    """Without a maximal age, answered and unanswered attempts are counted together."""
    policy = RetryPolicy(max_retries=2, max_age=None)
    verdicts = []
    attempts = Attempts()
    for answer in (NO_ANSWER, BUSY, NO_ANSWER):
        attempts = attempts.after(answer)
        verdicts.append(policy.decide(attempts, answer, age=0.0).verdict)

    assert verdicts == [Verdict.AGAIN, Verdict.AGAIN, Verdict.GIVEN_UP]


@pytest.mark.spec("SRV-098")
def test_pauses_double_up_to_a_cap() -> None:
    """With the longest jitter pauses are 0.5, 1, 2 … and 30 seconds at most."""
    pauses = [
        decide(NO_ANSWER, before=Attempts(unanswered=tried), jitter=1.0).delay
        for tried in range(10)
    ]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]


@pytest.mark.spec("SRV-098")
@given(
    tried=st.integers(min_value=0, max_value=5_000),
    jitter=st.floats(min_value=0.0, max_value=1.0, exclude_max=True),
    answer=st.sampled_from([NO_ANSWER, BUSY]),
)
def test_a_pause_is_jittered_within_bounds(tried: int, jitter: float, answer: Answer) -> None:
    """A pause lies between half and all of its length, from 0.1 to 30 s, after 5,000 tries too."""
    policy = RetryPolicy(max_retries=10_000, max_age=900.0)
    before = Attempts(answered=tried) if answer is BUSY else Attempts(unanswered=tried)

    delay = decide(answer, before=before, policy=policy, jitter=jitter).delay

    longest = decide(answer, before=before, policy=policy, jitter=1.0).delay
    assert 0.1 <= delay <= 30.0
    assert longest / 2 <= delay <= longest


@pytest.mark.spec("SRV-098")
def test_fleets_come_back_apart() -> None:
    """Without a given jitter, pauses differ."""
    attempts = Attempts().after(BUSY)

    assert len({POLICY.decide(attempts, BUSY, age=0.0).delay for _ in range(20)}) > 1


@pytest.mark.spec("SRV-098")
@pytest.mark.parametrize(
    ("wish", "pause"),
    [(None, 0.5), (0.0, 0.5), (0.2, 0.5), (3.0, 3.0), (30.0, 30.0), (3600.0, 30.0)],
)
def test_the_servers_wish_only_lengthens(wish: float | None, pause: float) -> None:
    """Retry-After lengthens a pause, never shortens it, and is obeyed up to 30 seconds."""
    assert decide(Answer(status=429, retry_after=wish), jitter=1.0).delay == pause


@pytest.mark.spec("SRV-091")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("3", 3.0),
        (" 2.5 ", 2.5),
        ("-5", 0.0),
        ("Sun, 22 Nov 2026 12:00:07 GMT", 7.0),
        ("Sun, 22 Nov 2026 13:00:07 +0100", 7.0),
        ("Sun, 22 Nov 2026 12:00:07", 7.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        (None, None),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("1e999", None),
        ("3, 4", None),
        ("Sun, 99 Nov 2026 12:00:07 GMT", None),
    ],
)
def test_retry_after_is_read(header: str | None, seconds: float | None) -> None:
    """Seconds and dates are read, the past is now, and what is neither is no wish."""
    assert read_retry_after(header, NOW) == seconds


@pytest.mark.spec("SRV-090", "SRV-091")
@pytest.mark.parametrize(
    "header",
    [
        "Wed, 21 Oct 99999999999999999999 07:28:00 GMT",
        "21 Oct 2026 07:99999999999999999999999:00 GMT",
        "21 Oct 2026 07:28:00 -99999999999999999999999999",
        "Mon, 31 Dec 9999 23:59:59 -2359",
        "Mon, 01 Jan 0001 00:00:00 +2359",
        "1" * 5_000,
    ],
)
def test_no_header_is_too_odd(header: str) -> None:
    """Numbers beyond all measure in Retry-After raise nothing."""
    wish = read_retry_after(header, NOW)

    assert wish is None or wish >= 0.0


WORDS = ["Mon", ",", " ", "22", "Nov", "2026", "9" * 20, "12:00:07", "1:x", "GMT", "+9999", "-"]


@pytest.mark.spec("SRV-091")
@given(st.text(st.characters(max_codepoint=255)) | st.lists(st.sampled_from(WORDS)).map("".join))
def test_no_text_is_too_odd(header: str) -> None:
    """Whatever stands in Retry-After, reading it raises nothing and gives no negative wish."""
    wish = read_retry_after(header, NOW)

    assert wish is None or wish >= 0.0
