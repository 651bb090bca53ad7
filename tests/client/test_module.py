"""The verbs on the module, and the client behind them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Any, get_type_hints

import pytest

import posthog_web
from posthog_web import Client, _config
from posthog_web._client.default import DefaultClient
from posthog_web._config import ClientOptions, WebOptions
from posthog_web.errors import ConfigurationError
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents
from posthog_web.typing import AdapterArguments, ClientArguments


def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run *script* in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_attributes_of_the_module_configure_the_default_client(inspector: Inspector) -> None:
    """``posthog_web.api_key = …`` and the verbs are all a script needs."""
    done = run(
        "import posthog_web, sys\n"
        "posthog_web.api_key = 'phc_module'\n"
        "posthog_web.host = sys.argv[1]\n"
        "posthog_web.super_properties = {'region': 'eu'}\n"
        "posthog_web.capture('user-1', 'paid', {'plan': 'pro'})\n"
        "posthog_web.set('user-1', {'plan': 'pro'})\n".replace("sys.argv[1]", repr(inspector.url))
    )

    assert (done.returncode, done.stderr) == (0, "")
    paid, updated = inspector.wait_for(2)
    assert paid["properties"]["region"] == "eu"
    assert updated["$set"] == {"plan": "pro"}


def test_setup_makes_the_client_at_once(inspector: Inspector) -> None:
    """What starts with the client counts from setup() on, before anything was captured."""
    done = run(
        "import posthog_web\n"
        "posthog_web.api_key = 'phc_module'\n"
        f"posthog_web.host = {inspector.url!r}\n"
        "posthog_web.enable_exception_autocapture = True\n"
        "assert posthog_web.default_client is None\n"
        "client = posthog_web.setup()\n"
        "assert client.options.host == posthog_web.host\n"
        "assert posthog_web.setup() is client is posthog_web.default_client\n"
        "raise SystemError('never caught')\n"
    )

    assert done.returncode == 1
    (event,) = inspector.wait_for(1)
    assert event["properties"]["$exception_type"] == "SystemError"


def test_setup_returns_the_client_that_is_there() -> None:
    """A client that was assigned, or an adapter's where the module has no key, is the module's."""
    mine = Client("phc_mine")
    assert DefaultClient({"default_client": mine, "flush_at": "many"}).setup() is mine

    default = DefaultClient({})
    adapters = default.share(_config.resolve(ClientOptions, arguments={}, environ={}))
    assert default.setup() is adapters

    keyless = DefaultClient({})
    assert keyless.setup() is keyless.setup()
    assert keyless.setup().is_opted_out()


def test_an_adapter_without_a_key_is_not_the_default() -> None:
    """A second middleware may be there only to see more; the one with the key is meant."""
    default = DefaultClient({})
    keyless = default.share(_config.resolve(ClientOptions, arguments={}, environ={}))
    arguments = {"project_api_key": "phc_test"}
    keyed = default.share(_config.resolve(ClientOptions, arguments=arguments, environ={}))

    assert default.setup() is keyed is not keyless


def test_setup_refuses_a_bad_option() -> None:
    """What is logged when the first event makes the client is an error where it is asked for."""
    default = DefaultClient({"api_key": "phc_test", "flush_at": "many"})

    with pytest.raises(ConfigurationError, match="flush_at must be a whole number"):
        default.setup()


def test_the_environment_configures_the_default_client(inspector: Inspector) -> None:
    """With ``POSTHOG_*`` set, ``posthog_web.capture`` needs no code at all."""
    done = run(
        "import posthog_web\nposthog_web.capture('user-1', 'paid')",
        POSTHOG_API_KEY="phc_environment",
        POSTHOG_HOST=inspector.url,
        POSTHOG_SUPER_PROPERTIES='{"region": "eu"}',
    )

    assert (done.returncode, done.stderr) == (0, "")
    (event,) = inspector.wait_for(1)
    assert event["properties"]["region"] == "eu"


def test_after_shutdown_the_default_client_is_not_made_again(inspector: Inspector) -> None:
    """The module's shutdown is final, idempotent, and harmless before the first event."""
    done = run(
        "import posthog_web\n"
        "assert posthog_web.shutdown() and posthog_web.flush() and posthog_web.join()\n"
        "assert posthog_web.capture('user-1', 'first')\n"
        "assert posthog_web.shutdown() and posthog_web.shutdown()\n"
        "assert posthog_web.capture('user-1', 'late') is None\n"
        "assert posthog_web.stats().sent == 1\n",
        POSTHOG_API_KEY="phc_environment",
        POSTHOG_HOST=inspector.url,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert [event["event"] for event in inspector.events()] == ["first"]


@pytest.mark.spec("SRV-003")
def test_concurrent_first_calls_make_one_client() -> None:
    """However many threads call first, there is one default client."""
    default = DefaultClient({"api_key": "phc_test", "send": False})
    start = threading.Barrier(8)
    found: list[Client | None] = []

    def first_call() -> None:
        start.wait(5)
        found.append(default.find())

    threads = [threading.Thread(target=first_call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert len(found) == 8
    assert len(set(map(id, found))) == 1


def test_switches_on_the_module_work_at_any_time(posthog_events: RecordedEvents) -> None:
    """What can be changed on a client can be changed on the module, back and forth."""
    attributes: dict[str, Any] = {"api_key": "phc_test"}
    default = DefaultClient(attributes)

    default.capture("user-1", "one")
    attributes["disabled"] = True
    default.capture("user-1", "two")
    attributes["disabled"] = False
    attributes["super_properties"] = {"region": "eu"}
    default.capture("user-1", "three")
    attributes["super_properties"] = None
    default.capture("user-1", "four")

    assert posthog_events.names == ["one", "three", "four"]
    assert posthog_events.one("three").properties["region"] == "eu"
    assert "region" not in posthog_events.one("four").properties


def test_a_switch_on_the_clients_own_is_not_undone(posthog_events: RecordedEvents) -> None:
    """The module's attribute is followed when it changes, not imposed with each call."""
    default = DefaultClient({"api_key": "phc_test", "disabled": False})
    client = default.find()
    assert client is not None

    client.disabled = True
    default.capture("user-1", "dropped")

    assert len(posthog_events) == 0


@pytest.mark.parametrize("name", ["flush_at", "disabled"])
def test_a_bad_attribute_is_said_once_and_raises_nothing(
    caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Configuration by attribute is read at run time, so it is logged instead of raised."""
    default = DefaultClient({"api_key": "phc_test", name: "many"})

    assert default.capture("user-1", "paid") is None
    assert default.capture("user-1", "paid") is None

    assert caplog.text.count(f"{name} must be") == 1


def test_a_bad_switch_is_said_and_changes_nothing(
    posthog_events: RecordedEvents, caplog: pytest.LogCaptureFixture
) -> None:
    """A bad value assigned after the first call is logged, and the event goes out as before."""
    attributes: dict[str, Any] = {"api_key": "phc_test"}
    default = DefaultClient(attributes)
    default.capture("user-1", "one")
    attributes["before_send"] = "no function"

    default.capture("user-1", "two")

    assert posthog_events.names == ["one", "two"]
    assert "before_send must be" in caplog.text


def test_an_assigned_client_is_used(posthog_events: RecordedEvents) -> None:
    """``posthog_web.default_client = client`` replaces the one that would be made."""
    mine = Client("phc_mine", super_properties={"from": "mine"})
    default = DefaultClient({"default_client": mine, "api_key": "phc_other"})

    default.capture("user-1", "paid")
    default.opt_out()

    assert posthog_events.one("paid").properties["from"] == "mine"
    assert mine.is_opted_out()
    assert default.is_opted_out()
    default.opt_in()
    assert not mine.is_opted_out()


def test_a_context_makes_no_client_without_a_key(caplog: pytest.LogCaptureFixture) -> None:
    """An exception that leaves a context says nothing of a missing key to who uses own clients."""
    with pytest.raises(ValueError, match="no"), posthog_web.new_context():
        raise ValueError("no")  # noqa: EM101 - the message is what is matched

    assert caplog.text == ""


def test_the_star_brings_no_set() -> None:
    """``from posthog_web import *`` does not hide Python's own ``set``."""
    assert "set" not in posthog_web.__all__
    assert posthog_web.set is not set


def test_options_are_known_by_the_same_names_everywhere() -> None:
    """The constructor's annotations, the module's attributes and the options agree."""
    options = set(_config.names(ClientOptions))

    assert set(ClientArguments.__annotations__) | {"project_api_key", "host"} == options | {
        "api_key"
    }
    assert set(posthog_web.__annotations__) == options | {"api_key", "default_client"}
    assert get_type_hints(ClientArguments)
    assert get_type_hints(AdapterArguments).keys() == (
        set(posthog_web.__annotations__) - {"default_client"} | set(_config.names(WebOptions))
    )


def test_an_option_that_was_not_assigned_reads_as_its_default() -> None:
    """Every option can be read on the module at any time, which assigns nothing."""
    done = run(
        "import posthog_web\n"
        "before = dir(posthog_web)\n"
        "for name in posthog_web.__annotations__:\n"
        "    assert hasattr(posthog_web, name), name\n"
        "print(posthog_web.sync_mode, posthog_web.flush_at, posthog_web.api_key,\n"
        "      posthog_web.capture_mode, posthog_web.default_client)\n"
        "assert dir(posthog_web) == before\n"
        "assert not hasattr(posthog_web, 'excluded_paths')\n"
        "posthog_web.flush_at = 7\n"
        "assert posthog_web.flush_at == 7\n"
    )

    assert (done.stdout, done.stderr) == ("False 100 None v0 None\n", "")


@pytest.mark.parametrize(
    "name",
    [
        "feature_enabled",
        "get_feature_flag",
        "get_feature_flag_payload",
        "get_feature_flag_result",
        "get_all_flags",
        "get_all_flags_and_payloads",
        "get_remote_config_payload",
        "load_feature_flags",
        "evaluate_flags",
        "set_context_device_id",
    ],
)
def test_feature_flags_say_that_they_are_not_there(name: str) -> None:
    """PostHog's names for them are no attributes, and the error says why."""
    for owner in (posthog_web, Client("phc_test")):
        assert not hasattr(owner, name)
        with pytest.raises(AttributeError, match="feature flags are not available in this version"):
            getattr(owner, name)


@pytest.mark.parametrize(
    "name", ["get_tags", "identify_context", "new_context", "scoped", "set_context_session", "tag"]
)
def test_a_client_says_that_contexts_are_functions_of_the_module(name: str) -> None:
    """A client of PostHog's own package has them; here the error names the function."""
    assert callable(getattr(posthog_web, name))
    with pytest.raises(AttributeError, match=f"it is a function, posthog_web.{name}$"):
        getattr(Client("phc_test"), name)


def test_a_misspelt_verb_is_no_attribute_and_the_right_one_is_suggested() -> None:
    """Names that are nothing are refused with all that Python's suggestions need."""
    client = Client("phc_test")

    for owner in (posthog_web, client):
        with pytest.raises(AttributeError, match="has no attribute 'captrue'") as caught:
            owner.captrue  # type: ignore[union-attr]  # noqa: B018 - that is the point
        assert (caught.value.name, caught.value.obj) == ("captrue", owner)


def test_the_version_is_known() -> None:
    """``posthog_web.__version__`` answers, and other unknown names do not."""
    assert posthog_web.__version__.count(".") == 2
    assert posthog_web.VERSION == posthog_web.__version__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = posthog_web.nonsense  # type: ignore[attr-defined]  # that is the point
