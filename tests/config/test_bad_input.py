"""Bad configuration: each mistake has one clear answer, at start-up."""

from __future__ import annotations

import logging
import math
from typing import Any

import pytest

from posthog_web import Client
from posthog_web.errors import ConfigurationError
from posthog_web.inspector import Inspector

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"flush_att": 5}, "no option flush_att; did you mean flush_at?"),
    ({"FLUSH_AT": 5}, "no option FLUSH_AT; did you mean flush_at?"),
    ({"apikey": "phc_1"}, "no option apikey; did you mean api_key?"),
    ({"zzz": 1}, "posthog_web has no option zzz"),
    ({"flush_at": 0}, "flush_at must be a whole number of at least 1, not 0"),
    ({"flush_at": "100"}, "flush_at must be a whole number of at least 1, not str"),
    ({"flush_at": True}, "flush_at must be a whole number of at least 1, not True"),
    ({"flush_at": 1.5}, "flush_at must be a whole number of at least 1, not 1.5"),
    ({"thread": 0}, "thread must be a whole number of at least 1, not 0"),
    ({"max_retries": -1}, "max_retries must be a whole number of at least 0, not -1"),
    ({"max_queue_size": 0}, "max_queue_size must be a whole number of at least 1, not 0"),
    ({"flush_interval": -1}, "flush_interval must be a number of seconds, 0 or more, not -1"),
    ({"timeout": 0}, "timeout must be a number of seconds, more than 0, not 0"),
    ({"timeout": math.nan}, "timeout must be a number of seconds, more than 0, not nan"),
    ({"timeout": math.inf}, "timeout must be a number of seconds, more than 0, not inf"),
    ({"shutdown_timeout": "5"}, "shutdown_timeout must be a number of seconds, 0 or more"),
    ({"gzip": 1}, "gzip must be True or False, not 1"),
    ({"disabled": "yes"}, "disabled must be True or False, not str"),
    ({"host": "eu.i.posthog.com"}, "host must be an address such as 'https://eu.i.posthog.com'"),
    ({"host": "ftp://example.org"}, "host must be an address"),
    ({"host": "https://"}, "host must be an address"),
    ({"host": 7}, "host must be an address"),
    ({"host": "http://localhost:99999"}, "host must be an address"),
    ({"host": "https://example.org/?token=s3cr3t"}, "host must be an address"),
    ({"host": "s3cr3t"}, "host must be an address"),
    ({"timeout": 1e300}, "timeout must be a number of seconds, more than 0, not 1e+300"),
    ({"flush_interval": 10**400}, "flush_interval must be a number of seconds"),
    ({"project_api_key": 7}, "project_api_key must be text, not int"),
    ({"personal_api_key": b"phx_s3cr3t"}, "personal_api_key must be text, not bytes"),
    ({"on_error": "print"}, "on_error must be a function that is not asynchronous, not str"),
    ({"before_send": 7}, "before_send must be a function or a list of functions, not 7"),
    ({"super_properties": [1]}, "super_properties must be a mapping with text keys, not list"),
    ({"super_properties": {1: 2}}, "super_properties must be a mapping with text keys"),
    ({"project_root": 7}, "project_root must be a path, not 7"),
]


@pytest.mark.parametrize(("options", "answer"), WRONG, ids=lambda value: str(value)[:60])
@pytest.mark.spec("SRV-002")
def test_a_mistake_in_code_names_the_option_and_what_it_takes(
    options: dict[str, Any], answer: str
) -> None:
    """An unknown name or a wrong value is a ConfigurationError that says what is right."""
    with pytest.raises(ConfigurationError) as caught:
        Client(**{"project_api_key": "phc_test", **options})

    assert answer in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("POSTHOG_FLUSH_AT", "many", "POSTHOG_FLUSH_AT is ignored: it must be a whole number"),
        ("POSTHOG_GZIP", "maybe", "POSTHOG_GZIP is ignored: it must be True or False"),
        ("POSTHOG_TIMEOUT", "soon", "POSTHOG_TIMEOUT is ignored: it must be a number of seconds"),
        ("POSTHOG_ON_ERROR", "no.such.name", "POSTHOG_ON_ERROR is ignored"),
        ("POSTHOG_SUPER_PROPERTIES", "{", "POSTHOG_SUPER_PROPERTIES is ignored"),
    ],
)
def test_a_mistake_in_the_environment_is_one_warning(
    inspector: Inspector,
    caplog: pytest.LogCaptureFixture,
    variable: str,
    text: str,
    said: str,
) -> None:
    """A bad variable keeps the default, is said once, and events go out."""
    import os

    os.environ[variable] = text
    with Client("phc_test", inspector.url) as client:
        assert client.capture("user-1", "paid")

    assert [event["event"] for event in inspector.events()] == ["paid"]
    assert caplog.text.count(said) == 1


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("POSTHOG_HOST", "eu.i.posthog.com"),
        ("POSTHOG_HOST", "http://localhost:99999"),
        ("POSTHOG_BEFORE_SEND", "no.such.scrubber"),
        ("POSTHOG_DISABLED", "oui"),
        ("POSTHOG_SEND", "nope"),
        ("POSTHOG_PRIVACY_MODE", "very"),
    ],
)
@pytest.mark.spec("SRV-060")
def test_what_is_to_keep_events_here_is_never_guessed(
    caplog: pytest.LogCaptureFixture, variable: str, text: str
) -> None:
    """A bad host, hook or switch in the environment sends nothing, and says so."""
    import os

    os.environ[variable] = text
    with caplog.at_level(logging.DEBUG), Client("phc_test") as client:
        assert client.capture("user-1", "paid") is None

    assert f"{variable} is ignored" in caplog.text
    assert "nothing is sent" in caplog.text
    assert client.stats().captured == 0


@pytest.mark.parametrize("timeout", ["soon", math.nan])
def test_a_bad_timeout_at_run_time_is_said_and_the_default_used(
    inspector: Inspector, caplog: pytest.LogCaptureFixture, timeout: Any
) -> None:
    """flush and shutdown raise nothing for a timeout that is none."""
    client = Client("phc_test", inspector.url)
    client.capture("user-1", "paid")

    assert client.flush(timeout)
    assert client.shutdown(timeout)
    assert "a timeout must be a number of seconds" in caplog.text
