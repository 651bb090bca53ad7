"""Importing posthog_web costs next to nothing and does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

HEAVY = [
    "asyncio",
    "django",
    "fastapi",
    "flask",
    "pytest",
    "requests",
    "sqlite3",
    "starlette",
    "urllib3",
    "uvicorn",
]

LOOK = """
import json, sys, threading
before = set(sys.modules)
threads = threading.active_count()
import {name}
print(json.dumps({{
    "modules": sorted(set(sys.modules) - before),
    "threads": threading.active_count() - threads,
}}))
"""


def after_importing(name: str) -> dict[str, Any]:
    """Import *name* in a process of its own, warnings as errors, and say what that did."""
    # Measuring coverage would load modules, too.
    environment = {key: os.environ[key] for key in os.environ if not key.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOOK.format(name=name)],
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def ours(seen: dict[str, Any]) -> set[str]:
    """Return the modules of posthog_web among those that were loaded."""
    return {name for name in seen["modules"] if name.partition(".")[0] == "posthog_web"}


@pytest.mark.parametrize("name", ["posthog_web", "posthog_web.inspector"])
def test_an_import_loads_nothing_heavy(name: str) -> None:
    """No framework, no HTTP library, no database, no event loop comes along."""
    loaded = {module.partition(".")[0] for module in after_importing(name)["modules"]}

    assert not loaded.intersection(HEAVY)


def test_an_import_starts_no_thread() -> None:
    """Threads wait for the first event."""
    assert after_importing("posthog_web")["threads"] == 0


def test_the_pytest_plugin_loads_no_more_than_the_package() -> None:
    """Installed beside pytest, the plugin loads what ``import posthog_web`` loads, and itself."""
    package = ours(after_importing("posthog_web"))
    plugin = ours(after_importing("posthog_web.pytest_plugin"))

    assert plugin - package == {"posthog_web.pytest_plugin"}
