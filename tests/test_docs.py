"""What the pages say is true: their code runs, their paths and commands exist."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent

import pytest
from flask import Flask

from posthog_web.flask import FlaskPosthog, request
from posthog_web.inspector import Inspector
from posthog_web.testing import RecordedEvents

ROOT = Path(__file__).parent.parent
PAGES = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))

# The events each block of a page promises, in order of the blocks.
PROMISED = {
    "README.md": [
        [],
        ["order paid"],
        ["order paid"],
        ["order paid"],
        ["order paid", "$identify", "$set", "$exception"],
        ["order paid", "$set", "$exception"],
        ["order paid"],
        ["order paid"],
        ["order paid"],
        [],
    ],
    "docs/deployment.md": [[], []],
    "docs/exceptions.md": [
        ["$exception"],
        [],
        ["$exception"],
        ["$exception"],
        ["$exception", "$exception"],
        [],
        ["$exception"],
        [],
        [],
        ["$exception"],
        ["$exception"],
        ["$exception"],
    ],
    "docs/frameworks.md": [["order paid"], ["order paid"], ["order paid"]],
    "docs/identity-and-privacy.md": [["order paid"], [], ["order paid"], ["order paid"]],
}

# What makes a program of a block, by its kind: what comes before, and what comes after it.
AROUND = {
    "python": ("", ""),
    "python settings": (
        """
import logging

INSTALLED_APPS, MIDDLEWARE = ["django.contrib.messages"], []
shop = logging.getLogger("shop")
""",
        """
import django
from django.conf import settings

settings.configure(**{name: value for name, value in globals().items() if name.isupper()})
django.setup()

from django.utils.module_loading import import_string

from posthog_web.django.conf import current_setup

assert current_setup().client.options.project_api_key
assert not shop.disabled
assert "django.contrib.messages" in settings.INSTALLED_APPS
for name in globals().get("REST_FRAMEWORK", {}).values():
    assert import_string(name)
""",
    ),
    "python views.py": (
        """
import django
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["posthog_web.django"],
    MIDDLEWARE=["posthog_web.django.PosthogMiddleware"],
    ROOT_URLCONF="__main__",
)
django.setup()
""",
        """
from django.test import Client
from django.urls import path

urlpatterns = [path("checkout", checkout)]
assert Client().post("/checkout").content == b"Thank you."
""",
    ),
    "python asgi.py": ("from django.conf import settings\nsettings.configure()\n", ""),
    "python in a view": (
        """
from flask import Flask
from posthog_web.flask import FlaskPosthog, request

app = Flask(__name__)
FlaskPosthog(app, host="https://eu.i.posthog.com")


@app.post("/checkout")
def checkout(error=ValueError("no")):
""",
        """
    return ""
""",
    ),
}

# An application is posted an order.
POST_AN_ORDER = {
    "Flask(": "\nassert app.test_client().post('/checkout').get_data() is not None\n",
    "FastAPI(": (
        "\nimport asyncio, httpx\n"
        "async def order():\n"
        "    transport = httpx.ASGITransport(app, raise_app_exceptions=False)\n"
        "    async with httpx.AsyncClient(transport=transport, base_url='http://test') as client:\n"
        "        await client.post('/checkout')\n"
        "asyncio.run(order())\n"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of Python in a page; *kind* is what stands behind the three backticks."""

    kind: str
    code: str

    def write(self) -> str:
        """Return it as a program."""
        before, after = AROUND[self.kind]
        code = before + (indent(self.code, "    ") if before.endswith(":\n") else self.code) + after
        return code + "".join(more for sign, more in POST_AN_ORDER.items() if sign in code)


def _blocks(page: str) -> Iterator[Block]:
    text = (ROOT / page).read_text(encoding="utf-8")
    for kind, code in re.findall(r"^```(python[^\n]*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield Block(kind=kind, code=code)


def test_all_python_in_the_pages_is_run() -> None:
    """A block that is added to a page is run, and its events are promised here."""
    found = {str(page): len(list(_blocks(str(page)))) for page in PAGES}
    # It quotes code that is run elsewhere.
    del found["CONTRIBUTING.md"]

    assert {page: count for page, count in found.items() if count} == {
        page: len(promised) for page, promised in PROMISED.items()
    }


@pytest.mark.parametrize(
    ("page", "number"),
    [(page, number) for page, promised in PROMISED.items() for number in range(len(promised))],
)
def test_a_block_of_a_page_runs(
    inspector: Inspector, tmp_path: Path, page: str, number: int
) -> None:
    """Each block runs as it stands, but for the host, and sends what it promises."""
    block = list(_blocks(page))[number]
    script = tmp_path / "test_block.py"
    code = block.write().replace("https://eu.i.posthog.com", inspector.url)
    script.write_text(code, encoding="utf-8")
    is_test = "def test_" in code
    runner = (
        ["-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"] if is_test else []
    )

    done = subprocess.run(
        [sys.executable, *runner, str(script)],
        env={
            **os.environ,
            "POSTHOG_HOST": inspector.url,
            **({} if is_test else {"POSTHOG_PROJECT_API_KEY": "phc_readme"}),
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    events = inspector.events()
    assert [event["event"] for event in events] == PROMISED[page][number]
    if "is masked" in code:
        told = json.dumps(events)
        assert "ada@example.com" in told
        assert "hunter2" not in told


def test_the_page_of_privacy_names_all_an_event_tells(posthog_events: RecordedEvents) -> None:
    """What an event of a request has is in the table, and what is in the table is on an event."""
    text = (ROOT / "docs/identity-and-privacy.md").read_text(encoding="utf-8")
    table = text.partition("## What an event tells")[2].partition("\n\nNothing else")[0]
    named = set(
        re.findall(r"`(\$\w+)`", "\n".join(re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)))
    )

    _be_asked()

    told = {name for event in posthog_events for name in event.properties if name.startswith("$")}
    assert told - named == set()
    # A system that is no Linux has no distribution.
    assert named - told <= {"$os_distro"}


def _be_asked() -> None:
    """Serve a request that tells all it can, and another one."""
    app = Flask(__name__)
    FlaskPosthog(app, project_api_key="phc_test", request_events=True)

    @app.get("/books/<slug>")
    def read(slug: str) -> str:
        request.posthog.group("company", "acme")
        request.posthog.tag("shelf", slug)
        return slug

    sent = {"X-POSTHOG-SESSION-ID": "session-1", "X-POSTHOG-WINDOW-ID": "window-1"}
    app.test_client().get("/books/first-folio?secret=1", headers=sent)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_links_and_commands_of_a_page_exist(page: Path) -> None:
    """Every relative link leads to a file, and every make target is one."""
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (ROOT / page.parent / link).exists(), link
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in targets, target


def test_the_map_of_the_architecture_is_true() -> None:
    """Every path in "Where do I look?" exists, and every module with code is in it."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`(posthog_web/[^`]*)`", text))

    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []
    unnamed = [
        path
        for module in sorted((ROOT / "posthog_web").rglob("*.py"))
        if (path := str(module.relative_to(ROOT))) not in named
        and not any(name.endswith("/") and path.startswith(name) for name in named)
        and module.name not in {"__init__.py", "__main__.py"}
    ]
    assert unnamed == []
