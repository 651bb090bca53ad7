"""What this process runs on, as events say it."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

from posthog_web._runtime import system


def test_the_version_is_that_of_the_installed_package() -> None:
    """Version and user agent come from the package's own metadata."""
    version = metadata.version("posthog-web")

    assert system.library_version() == version
    assert system.user_agent() == f"posthog-web/{version}"


def test_interpreter_and_system_are_named() -> None:
    """Properties name the interpreter and the operating system, all as text, none empty."""
    properties = system.system_properties()

    assert properties["$python_runtime"] == platform.python_implementation()
    assert properties["$python_version"] == platform.python_version()
    assert {"$os", "$os_version"} <= set(properties)
    assert all(isinstance(value, str) and value for value in properties.values())
    if sys.platform == "linux":
        assert properties["$os"] == "Linux"


def test_it_is_looked_up_once() -> None:
    """The answer is kept: asking costs an event nothing."""
    assert system.system_properties() is system.system_properties()
