"""Which versions the contract runs on."""

from __future__ import annotations

import platform
from importlib.metadata import version

FRAMEWORKS = ("Django", "Flask", "Starlette", "FastAPI")
BESIDE = ("Werkzeug", "asgiref", "gunicorn", "uvicorn", "requests", "orjson")


def describe_versions() -> str:
    """Return the versions of Python, the frameworks, and what else has a part in it."""
    names = (*FRAMEWORKS, *BESIDE)
    found = ", ".join(f"{name} {version(name)}" for name in names)
    return f"Python {platform.python_version()}, {found}"
