"""How an adapter gets its options and its client."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

from posthog_web import Client
from posthog_web._client.default import DefaultClient
from posthog_web._config import ClientOptions, resolve
from posthog_web._web.setup import configure
from posthog_web.errors import ConfigurationError


def test_options_of_both_kinds_come_in_together() -> None:
    """Client and adapter options are told apart by name, arguments before settings."""
    setup = configure(
        arguments={"project_api_key": "phc_setup", "trust_client_ids": False},
        settings={"flush_at": 7, "trust_client_ids": True, "excluded_paths": ["/health"]},
    )

    assert setup.client.options.flush_at == 7
    assert setup.options.trust_client_ids is False
    assert setup.options.excluded_paths == ("/health",)


@pytest.mark.parametrize(
    ("name", "strictest"),
    [
        ("capture_ip", "off"),
        ("opt_out_by_default", True),
        ("respect_dnt", True),
        ("respect_gpc", True),
    ],
)
def test_what_is_to_keep_visitors_private_is_never_guessed(
    name: str, strictest: object, caplog: pytest.LogCaptureFixture
) -> None:
    """A variable that cannot be read means the strictest value, and that is said."""
    os.environ[f"POSTHOG_{name.upper()}"] = "oui"

    setup = configure(arguments={}, client=Client("phc_test", send=False))

    assert getattr(setup.options, name) == strictest
    assert f"POSTHOG_{name.upper()} must be" in caplog.text
    assert f"; {strictest!r} is used" in caplog.text


@pytest.mark.parametrize("source", ["arguments", "settings"])
def test_what_code_says_of_visitors_counts_whatever_the_environment_has(source: str) -> None:
    """The strictest value is for what nobody else has decided."""
    os.environ["POSTHOG_CAPTURE_IP"] = "oui"
    given: dict[str, Any] = {"arguments": {}, source: {"capture_ip": "full"}}

    setup = configure(**given, client=Client("phc_test", send=False))

    assert setup.options.capture_ip == "full"


@pytest.mark.parametrize("name", ["trust_client_id", "flush_a"])
def test_a_name_of_neither_kind_is_refused(name: str) -> None:
    """An unknown name is an error with the nearest right one of either kind."""
    with pytest.raises(ConfigurationError, match=rf'X\["{name.upper()}"\]; did you mean X'):
        configure(arguments={}, settings={name: 1}, label='X["{NAME}"]')


@pytest.mark.parametrize(
    ("arguments", "captures"),
    [
        ({}, True),
        ({"enable_exception_autocapture": False}, False),
        ({"enable_exception_autocapture": True}, True),
        ({"capture_exceptions": True, "enable_exception_autocapture": False}, True),
        ({"capture_exceptions": False}, False),
    ],
)
def test_exceptions_are_captured_unless_that_was_written_off(
    arguments: dict[str, bool], captures: bool
) -> None:
    """The adapter's word counts first, then what was written for the client, then yes."""
    assert configure(arguments=arguments).captures_exceptions is captures


def test_a_client_that_is_given_is_used() -> None:
    """With a client, only the adapter's own options are read."""
    client = Client("phc_mine")

    assert configure(arguments={"respect_dnt": True}, client=client).client is client


def test_adapters_and_module_share_a_client() -> None:
    """Same options, same client; other options, another; the first is the module's default."""
    default = DefaultClient({})

    def share(**options: object) -> Client:
        return default.share(resolve(ClientOptions, arguments=options, environ={}))

    first = share(project_api_key="phc_a")
    assert share(project_api_key="phc_a") is first
    second = share(project_api_key="phc_b")
    assert second is not first
    assert share(project_api_key="phc_a", flush_at=5) is not first
    assert default.find() is first

    del first
    gc.collect()
    assert default.find() is second


def test_the_modules_own_key_beats_the_first_adapters() -> None:
    """A module that was configured has its own client; the same project shares the adapter's."""
    default = DefaultClient({"api_key": "phc_module"})
    adapters = default.share(
        resolve(ClientOptions, arguments={"project_api_key": "phc_a"}, environ={})
    )
    assert default.find() is not adapters

    same = DefaultClient({"api_key": "phc_a"})
    shared = same.share(resolve(ClientOptions, arguments={"project_api_key": "phc_a"}, environ={}))
    assert same.find() is shared
