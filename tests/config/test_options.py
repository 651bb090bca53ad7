"""Options: names, defaults, checks, and the sources of their values."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._config import ClientOptions, WebOptions, ingestion_host, resolve
from posthog_web.errors import ConfigurationError

# The constructor this package was asked for, name by name.
ASKED_FOR = {
    "host": None,
    "debug": False,
    "max_queue_size": 10000,
    "send": True,
    "on_error": None,
    "flush_at": 100,
    "flush_interval": 0.5,
    "gzip": False,
    "max_retries": 3,
    "sync_mode": False,
    "timeout": 15,
    "thread": 1,
    "poll_interval": 30,
    "personal_api_key": None,
    "disabled": False,
    "disable_geoip": True,
    "historical_migration": False,
    "feature_flags_request_timeout_seconds": 3,
    "super_properties": None,
    "enable_exception_autocapture": False,
    "log_captured_exceptions": False,
    "project_root": None,
    "privacy_mode": False,
    "before_send": None,
    "flag_fallback_cache_url": None,
    "enable_local_evaluation": True,
}

# A value by option that is not its default, as written in code and as text.
VALUES: dict[str, tuple[Any, str]] = {
    "host": ("https://ph.example.org", "https://ph.example.org"),
    "debug": (True, "yes"),
    "max_queue_size": (5, "5"),
    "send": (False, "off"),
    "on_error": (len, "builtins.len"),
    "flush_at": (7, "7"),
    "flush_interval": (2.5, "2.5"),
    "gzip": (True, "1"),
    "max_retries": (0, "0"),
    "sync_mode": (True, "true"),
    "timeout": (2.0, "2"),
    "thread": (2, "2"),
    "poll_interval": (60.0, "60"),
    "personal_api_key": ("phx_1", "phx_1"),
    "disabled": (True, "on"),
    "disable_geoip": (False, "no"),
    "historical_migration": (True, "TRUE"),
    "feature_flags_request_timeout_seconds": (1.0, "1"),
    "super_properties": ({"a": 1}, '{"a": 1}'),
    "enable_exception_autocapture": (True, "1"),
    "capture_unraisable_exceptions": (True, "1"),
    "ignore_exceptions": (("builtins.OSError",), '["builtins.OSError"]'),
    "enable_exception_autocapture_rate_limiting": (False, "0"),
    "exception_autocapture_bucket_size": (5, "5"),
    "exception_autocapture_refill_rate": (1, "1"),
    "exception_autocapture_refill_interval_seconds": (2.0, "2"),
    "in_app_modules": (("shop",), '["shop"]'),
    "capture_exception_code_variables": (True, "1"),
    "code_variables_mask_patterns": (("pin",), '["pin"]'),
    "code_variables_ignore_patterns": (("^_",), '["^_"]'),
    "code_variables_mask_url_credentials": (False, "0"),
    "code_variables_detect_secrets": (False, "0"),
    "log_captured_exceptions": (True, "1"),
    "project_root": ("/app", "/app"),
    "privacy_mode": (True, "1"),
    "before_send": ((len, abs), '["builtins.len", "builtins.abs"]'),
    "flag_fallback_cache_url": ("redis://h", "redis://h"),
    "enable_local_evaluation": (False, "0"),
    "project_api_key": ("phc_1", "phc_1"),
    "is_server": (False, "0"),
    "on_drop": (len, "builtins.len"),
    "capture_mode": ("v1", "v1"),
    "capture_compression": ("zstd", "zstd"),
    "max_batch_bytes": (1000, "1000"),
    "max_batch_size": (10, "10"),
    "max_event_age": (1.0, "1"),
    "max_queue_bytes": (10, "10"),
    "flush_timeout": (math.inf, "inf"),
    "shutdown_timeout": (1.0, "1"),
}


@pytest.mark.spec("SRV-001")
def test_the_constructor_is_the_one_that_was_asked_for() -> None:
    """Every option that was asked for is there, with its default."""
    options = Client("phc_test").options

    assert {name: getattr(options, name) for name in ASKED_FOR} == ASKED_FOR


def test_every_option_has_a_value_in_this_table() -> None:
    """An option that is added here or there is noticed."""
    assert set(VALUES) == {item.name for item in dataclasses.fields(ClientOptions)}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_every_option_comes_from_every_source(name: str) -> None:
    """Arguments, settings and the environment reach each option, in this order."""
    value, text = VALUES[name]
    default = getattr(ClientOptions(), name)
    environ = {f"POSTHOG_{name.upper()}": text}

    by_argument = resolve(ClientOptions, arguments={name: value}, environ={})
    by_setting = resolve(ClientOptions, arguments={name: None}, settings={name: value}, environ={})
    by_environment = resolve(ClientOptions, arguments={}, environ=environ)
    by_default = resolve(ClientOptions, arguments={}, environ={})

    for resolved in (by_argument, by_setting, by_environment):
        assert getattr(resolved.options, name) == value
        assert name in resolved.written
    assert getattr(by_default.options, name) == default != value
    assert by_default.written == frozenset()


def test_the_nearest_source_wins() -> None:
    """An argument beats a setting, a setting the environment, and None is no value."""
    environ = {"POSTHOG_FLUSH_AT": "1"}

    def flush_at(argument: int | None, setting: int | None) -> int:
        resolved = resolve(
            ClientOptions,
            arguments={"flush_at": argument},
            settings={"flush_at": setting},
            environ=environ,
        )
        return resolved.options.flush_at

    assert (flush_at(3, 2), flush_at(None, 2), flush_at(None, None)) == (3, 2, 1)


def test_api_key_is_another_name_for_project_api_key() -> None:
    """The alias works in every source; written together, the full name wins."""
    arguments = {"api_key": "phc_alias"}
    both = {"project_api_key": "phc_full", "api_key": "phc_alias"}

    def key(arguments: dict[str, str], environ: dict[str, str]) -> str | None:
        return resolve(ClientOptions, arguments=arguments, environ=environ).options.project_api_key

    assert key(arguments, {}) == "phc_alias"
    assert key(both, {}) == "phc_full"
    assert key({}, {"POSTHOG_API_KEY": "phc_alias"}) == "phc_alias"
    assert (
        key({}, {"POSTHOG_API_KEY": "phc_alias", "POSTHOG_PROJECT_API_KEY": "phc_full"})
        == "phc_full"
    )


def test_the_environment_may_belong_to_somebody_else() -> None:
    """Unknown variables are ignored, empty ones are not given, bad ones keep the default."""
    resolved = resolve(
        ClientOptions,
        arguments={},
        environ={
            "POSTHOG_PORT_8000_TCP": "tcp://10.0.0.1:8000",
            "POSTHOG_FLUSH_AT": "many",
            "POSTHOG_GZIP": " ",
            "POSTHOG_DEBUG": "maybe",
        },
    )

    assert resolved.options == ClientOptions()
    assert resolved.complaints == {
        "flush_at": "POSTHOG_FLUSH_AT must be a whole number of at least 1",
        "debug": "POSTHOG_DEBUG must be True or False",
    }


@pytest.mark.parametrize("source", ["arguments", "settings"])
def test_a_bad_variable_does_not_count_beside_what_code_says(source: str) -> None:
    """Neither would a good one: there is nothing to complain of."""
    given: dict[str, Any] = {"arguments": {}, source: {"host": "https://ph.shop.test"}}
    resolved = resolve(ClientOptions, **given, environ={"POSTHOG_HOST": "posthog:8000"})

    assert resolved.options.host == "https://ph.shop.test"
    assert resolved.complaints == {}


def test_settings_may_name_functions_by_path() -> None:
    """A framework's settings may hold a dotted path; its own way of writing is in the message."""
    label = 'POSTHOG["{NAME}"]'
    resolved = resolve(
        ClientOptions,
        arguments={},
        settings={"on_error": "builtins.print"},
        settings_label=label,
        environ={},
    )

    assert resolved.options.on_error is print
    with pytest.raises(ConfigurationError, match=r'^POSTHOG\["ON_ERROR"\] must be a function'):
        resolve(
            ClientOptions,
            arguments={},
            settings={"on_error": "nowhere.to.be.found"},
            settings_label=label,
            environ={},
        )


@pytest.mark.parametrize(
    ("host", "sent_to"),
    [
        (None, "https://us.i.posthog.com"),
        ("", "https://us.i.posthog.com"),
        ("  ", "https://us.i.posthog.com"),
        ("https://app.posthog.com", "https://us.i.posthog.com"),
        ("https://us.posthog.com/", "https://us.i.posthog.com"),
        ("https://eu.posthog.com", "https://eu.i.posthog.com"),
        ("https://eu.i.posthog.com/", "https://eu.i.posthog.com"),
        ("http://app.posthog.com", "http://app.posthog.com"),
        ("https://ph.example.org/prefix/", "https://ph.example.org/prefix"),
        ("http://127.0.0.1:8765", "http://127.0.0.1:8765"),
    ],
)
@pytest.mark.spec("SRV-084")
def test_addresses_people_know_lead_to_the_ones_that_take_events(
    host: str | None, sent_to: str
) -> None:
    """The application's addresses are mapped, anything else is used as given."""
    assert ingestion_host(host) == sent_to


def test_web_options_have_the_adapters_names() -> None:
    """The adapters' options stand beside the client's, with their defaults."""
    options = resolve(
        WebOptions,
        arguments={"trusted_proxies": ["10.0.0.0/8"], "handle_signals": False},
        environ={"POSTHOG_TRUST_CLIENT_IDS": "no", "POSTHOG_EXCLUDED_PATHS": '["/health"]'},
    ).options

    assert options == WebOptions(
        trusted_proxies=("10.0.0.0/8",),
        handle_signals=False,
        trust_client_ids=False,
        excluded_paths=("/health",),
    )
    assert WebOptions().capture_exceptions is None


# The adapters' options on what a request tells: a value, the same as text, and bad values.
TELLING: dict[str, tuple[Any, str, tuple[Any, ...]]] = {
    "capture_ip": ("truncated", "truncated", ("some", True, 1)),
    "captured_query_params": (("ref", "utm_source"), '["ref", "utm_source"]', ("ref", [1])),
    "masked_route_params": (("owner",), '["owner"]', ("owner", {"owner": 1})),
    "failed_request_status_codes": (
        (429, *range(500, 600)),
        "429,500-599",
        (500, "5xx", "99", "600", "599-500", "1-999999999", "", [99], ["500", 500], [True], b"500"),
    ),
}


@pytest.mark.parametrize("text", ["429,500-599", "429, 500 - 599", str([429, *range(500, 600)])])
def test_statuses_may_be_text_in_code_too(text: str) -> None:
    """What the environment takes for them is taken as an argument and in settings."""
    statuses = (429, *range(500, 600))

    by_argument = resolve(
        WebOptions, arguments={"failed_request_status_codes": text}, environ={}
    ).options
    by_setting = resolve(
        WebOptions, arguments={}, settings={"failed_request_status_codes": text}, environ={}
    ).options

    assert by_argument.failed_request_status_codes == statuses
    assert by_setting.failed_request_status_codes == statuses


@pytest.mark.parametrize("name", TELLING)
def test_what_a_request_tells_is_an_option(name: str) -> None:
    """Each may come from every source, and nothing is guessed."""
    value, text, bad = TELLING[name]
    environ = {f"POSTHOG_{name.upper()}": text}

    by_argument = resolve(WebOptions, arguments={name: value}, environ={})
    by_setting = resolve(WebOptions, arguments={}, settings={name: value}, environ={})
    by_environment = resolve(WebOptions, arguments={}, environ=environ)

    for resolved in (by_argument, by_setting, by_environment):
        assert getattr(resolved.options, name) == value != getattr(WebOptions(), name)
    for one in bad:
        with pytest.raises(ConfigurationError, match=name):
            resolve(WebOptions, arguments={name: one}, environ={})


def test_options_cannot_be_changed_in_place() -> None:
    """Both option classes are frozen."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        ClientOptions().flush_at = 1  # type: ignore[misc]  # that is the point
