"""What this process runs on, looked up once: properties of server events (protocol §1.3)."""

from __future__ import annotations

import functools
import platform
import sys
from importlib import metadata
from typing import Any

LIBRARY = "posthog-web"

_OS_NAMES = {"linux": "Linux", "darwin": "Mac OS X", "win32": "Windows"}


@functools.cache
def library_version() -> str:
    """Return the version of this package."""
    try:
        return metadata.version(LIBRARY)
    except metadata.PackageNotFoundError:
        return "0.0.0"


@functools.cache
def user_agent() -> str:
    """Return the name and version this package gives itself in requests."""
    return f"{LIBRARY}/{library_version()}"


@functools.cache
def system_properties() -> dict[str, Any]:
    """Return interpreter and operating system, as properties of an event."""
    return {
        "$python_runtime": platform.python_implementation(),
        "$python_version": platform.python_version(),
        "$os": _OS_NAMES.get(sys.platform, platform.system() or sys.platform),
        **_os_release(),
    }


def _os_release() -> dict[str, str]:
    if sys.platform == "darwin":
        return {"$os_version": platform.mac_ver()[0]}
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return {"$os_version": platform.release()}
    name = release.get("NAME", "")
    version = release.get("VERSION_ID", platform.release())
    return {"$os_version": version, **({"$os_distro": name} if name else {})}
