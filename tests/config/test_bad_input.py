"""Bad configuration: each mistake has one clear answer, at start-up."""

from __future__ import annotations

import logging
import math
import re
import subprocess
import sys
from functools import partial
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._config import ClientOptions, WebOptions, resolve
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


async def asynchronous(*_: object) -> None:
    """Do nothing, in time."""


async def generating(*_: object) -> Any:
    """Yield nothing, in time."""
    yield


class Asynchronous:
    """Is called like a function, and has to be awaited."""

    async def __call__(self, *_: object) -> None:
        """Do nothing, in time."""


def nothing() -> None:
    """Take nothing."""


def three(one: object, two: object, three: object) -> None:
    """Take too much."""


class Unreadable:
    """A function that does not let anybody read what it takes."""

    __signature__ = "s3cr3t"

    def __call__(self, *_: object) -> None:
        """Do nothing."""


# The type is right: what is wrong with the value is said in its place.
REASONS: list[tuple[str, Any, str]] = [
    ("host", "s3cr3t.example", "; it must begin with https:// or http://"),
    ("host", "ftp://s3cr3t.example", "; it must begin with https:// or http://"),
    ("host", "http://s3cr3t:99999", "; its port must be a number from 1 to 65535"),
    ("host", "http://s3cr3t:0", "; its port must be a number from 1 to 65535"),
    ("host", "http://s3cr3t:abc", "; its port must be a number from 1 to 65535"),
    ("host", "http://[s3cr3t", "; it is no address"),
    ("host", "https://", "; there is no name of a host in it"),
    ("host", "https://s3cr3t .example", "; there is a blank in it"),
    ("host", "https://h/?s3cr3t", "; it must end before any ? or #"),
    ("capture_mode", "s3cr3t", "must be one of 'v0', 'v1'"),
    ("capture_mode", 2, "must be one of 'v0', 'v1', not 2"),
    (
        "capture_compression",
        "s3cr3t",
        "must be one of 'none', 'identity', 'gzip', 'deflate', 'zstd'",
    ),
    ("capture_ip", "s3cr3t", "must be one of 'full', 'truncated', 'off'"),
    ("handle_signals", "s3cr3t", "must be one of 'auto', True, False"),
    ("super_properties", {"a": 1, 7: "s3cr3t"}, "; key 2 is no text"),
    ("in_app_modules", ["shop", 7], "; item 2 is no text, but of type int"),
    ("in_app_modules", "s3cr3t", "must be a list of texts, not str"),
    ("excluded_paths", ["/a", "s3cr3t"], "; item 2: it must begin with / or"),
    ("excluded_paths", ["^/(s3cr3t"], "; item 1: it is no regular expression that Python can read"),
    ("excluded_paths", ["/a", "/s3cr3t/*"], "; item 2: a * in a path is no wildcard"),
    ("excluded_paths", ["/"], "; item 1: it would exclude every request"),
    ("excluded_paths", ["/a", re.compile(b"^/b")], "; item 2 is no path, but of type Pattern"),
    ("ignore_exceptions", [ValueError, ValueError("s3cr3t")], "; item 2: it is an exception, not"),
    ("ignore_exceptions", [int], "; item 1: it is a class, but not of exceptions"),
    ("ignore_exceptions", ["s3cr3t!"], "; item 1: it is no dotted name"),
    ("ignore_exceptions", [asynchronous], "; item 1: it is asynchronous"),
    ("code_variables_mask_patterns", ["pin", "s3cr3t("], "; item 2: it is no regular expression"),
    ("code_variables_ignore_patterns", ["*s3cr3t"], "; item 1: it is no regular expression"),
    ("trusted_proxies", ["10.0.0.0/8", "s3cr3t"], "; item 2: it is no network such as"),
    ("trusted_proxies", -1, "such as '10.0.0.0/8', not -1"),
    ("failed_request_status_codes", [500, 99], "; item 2 is no whole number from 100 to 599"),
    ("failed_request_status_codes", "5xx", "; as text it is written like '429,500-599'"),
    ("failed_request_status_codes", "599-500", "; a range begins with the smaller number"),
    ("failed_request_status_codes", 500, "or '500-599' as text, not 500"),
    ("on_error", asynchronous, "; it is asynchronous"),
    ("on_drop", Asynchronous(), "; it is asynchronous"),
    ("before_send", asynchronous, "; it is asynchronous"),
    ("before_send", partial(asynchronous), "; it is asynchronous"),
    ("before_send", generating, "; it is asynchronous"),
    ("before_send", [str, asynchronous], "; item 2: it is asynchronous"),
    ("before_send", [str, 7], "; item 2 is no function, but of type int"),
    ("before_send", nothing, "; it is called with (event), which it does not take"),
    ("before_send", [three], "; item 1: it is called with (event), which it does not take"),
    ("request_filter", nothing, "; it is called with (request), which it does not take"),
    ("client_for", three, "; it is called with (request), which it does not take"),
    ("distinct_id", nothing, "; it is called with (user), which it does not take"),
    ("distinct_id", asynchronous, "; it is asynchronous"),
    ("extra_properties", lambda _: {}, "; it is called with (request, response), which it does"),
    ("ignore_exceptions", [nothing], "; item 1: it is called with (exception), which it does not"),
]


def options_of(name: str) -> type[Any]:
    """Return which options one belongs to."""
    return WebOptions if hasattr(WebOptions(), name) else ClientOptions


@pytest.mark.parametrize(("name", "value", "said"), REASONS, ids=lambda value: str(value)[:40])
def test_a_value_that_does_not_fit_says_why(name: str, value: Any, said: str) -> None:
    """Where the type is right, the reason is told, by position in a list, and never the value."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(options_of(name), arguments={name: value}, environ={})

    message = str(caught.value)
    assert message.startswith(f"{name} must be ")
    assert said in message
    names_the_type = re.search(r", not \S+$", message)
    assert names_the_type is None or names_the_type[0] in said
    assert "s3cr3t" not in message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("before_send", Unreadable()),
        ("before_send", lambda event, *_, **__: event),
        ("request_filter", Unreadable()),
        ("extra_properties", lambda *_: {}),
        ("extra_properties", dict.get),
        ("distinct_id", str),
        ("client_for", [].append),
        ("excluded_paths", ["/files/<path:rest>*", "/{rest:path}*", "^/static/.*"]),
    ],
    ids=repr,
)
def test_what_may_fit_is_accepted(name: str, value: Any) -> None:
    """A function passes whose signature nobody can read, or that takes what it is called with."""
    resolve(options_of(name), arguments={name: value}, environ={})


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("no.such.s3cr3t", "what it names cannot be imported (ModuleNotFoundError)"),
        ("builtins.s3cr3t", "what it names cannot be imported (AttributeError)"),
        ("s3cr3t", "what it names cannot be imported (ValueError)"),
        ("tests.config.test_bad_input.asynchronous", "it is asynchronous"),
        ("tests.config.test_bad_input.nothing", "it is called with (event), which it does not"),
        ("tests.config.test_bad_input.REASONS", "must be a function or a list of functions"),
    ],
)
def test_a_dotted_path_in_settings_says_why(path: str, said: str) -> None:
    """A path that leads to nothing says so, and one that leads to no hook says what is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        resolve(ClientOptions, arguments={}, settings={"before_send": path}, environ={})

    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_package_that_is_not_installed_is_named() -> None:
    """Where zstandard is missing, the answer says how it comes."""
    script = (
        "import sys\n"
        "sys.modules['zstandard'] = None\n"
        "from posthog_web import Client\n"
        "try: Client('phc_test', capture_compression='zstd')\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False
    )

    assert "zstandard is not installed: pip install 'posthog-web[zstd]'" in done.stdout


def test_an_option_of_adapters_is_none_of_a_client() -> None:
    """A client says whose option it is, instead of that there is none."""
    with pytest.raises(ConfigurationError, match="excluded_paths is an option of the adapters"):
        Client("phc_test", excluded_paths=["/health"])  # type: ignore[call-arg]  # that is the point


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("excluded_paths", "/health", """it is written as JSON: '["/internal"]'"""),
        ("excluded_paths", "/a,/b", "it is written as JSON: "),
        ("excluded_paths", '"/health"', "it is written as JSON: "),
        ("excluded_paths", '["health"]', "item 1: it must begin with / or"),
        ("in_app_modules", "shop", """it is written as JSON: '["one", "two"]'"""),
        ("in_app_modules", "[" * 100_000, "it is written as JSON: "),
        (
            "ignore_exceptions",
            "shop.SoldOut",
            """it is written as JSON: '["shop.errors.SoldOut"]'""",
        ),
        ("code_variables_mask_patterns", "pin", "it is written as JSON: "),
        ("super_properties", "region=eu", """it is written as JSON: '{"region": "eu"}'"""),
        ("super_properties", "[1]", "it is written as JSON: "),
        ("trusted_proxies", "10.0.0.0/8", """or as JSON: '["10.0.0.0/8"]'"""),
        ("failed_request_status_codes", "5xx", "as text it is written like '429,500-599'"),
        ("failed_request_status_codes", "[5", "it is written as JSON: '[429, 503]'"),
        ("before_send", "[shop.scrub]", "several are written as JSON: "),
        ("on_error", "no.such.name", "what it names cannot be imported (ModuleNotFoundError)"),
        ("host", "eu.i.posthog.com", "it must begin with https:// or http://"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_the_environment_says_how_it_is_written(name: str, text: str, said: str) -> None:
    """A variable that cannot be read is told with the way to write it, without its value."""
    variable = f"POSTHOG_{name.upper()}"

    found = resolve(options_of(name), arguments={}, environ={variable: text})

    assert found.options == options_of(name)()
    complaint = found.complaints[name]
    assert complaint.startswith(f"{variable} must be ")
    assert said in complaint


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("POSTHOG_FLUSH_AT", "many", "POSTHOG_FLUSH_AT must be a whole number"),
        ("POSTHOG_GZIP", "maybe", "POSTHOG_GZIP must be True or False"),
        ("POSTHOG_TIMEOUT", "soon", "POSTHOG_TIMEOUT must be a number of seconds"),
        ("POSTHOG_ON_ERROR", "no.such.name", "POSTHOG_ON_ERROR must be"),
        ("POSTHOG_SUPER_PROPERTIES", "{", "POSTHOG_SUPER_PROPERTIES must be"),
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
    assert "; it is ignored" in caplog.text


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

    assert f"{variable} must be" in caplog.text
    assert "; nothing is sent" in caplog.text
    assert client.stats().captured == 0


def test_a_host_in_code_counts_whatever_the_environment_has(
    inspector: Inspector, caplog: pytest.LogCaptureFixture
) -> None:
    """A variable of somebody else's stops nothing that code has decided."""
    import os

    os.environ["POSTHOG_HOST"] = "posthog:8000"
    with Client("phc_test", inspector.url) as client:
        assert client.capture("user-1", "paid")

    assert [event["event"] for event in inspector.events()] == ["paid"]
    assert caplog.text == ""


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
