"""What the pages say is true: their code runs, their paths and commands exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from posthog_web.inspector import Inspector

ROOT = Path(__file__).parent.parent
PAGES = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))
README = (ROOT / "README.md").read_text()

# The events each block of the README promises, in order of the blocks. The two applications are
# posted an order; the settings for Django and the lines of a view do not stand alone.
PROMISED = [
    ["order paid"],
    ["order paid"],
    ["order paid", "$set", "$exception"],
    ["order paid"],
    ["order paid"],
    [],
    ["order paid"],
    [],
]

POST_AN_ORDER = {
    "Flask(": "\napp.test_client().post('/checkout').get_data()\n",
    "FastAPI(": (
        "\nimport asyncio, httpx\n"
        "async def order():\n"
        "    transport = httpx.ASGITransport(app)\n"
        "    async with httpx.AsyncClient(transport=transport, base_url='http://test') as client:\n"
        "        await client.post('/checkout')\n"
        "asyncio.run(order())\n"
    ),
}


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_readme_has_the_blocks_this_test_knows() -> None:
    """A block that is added to the README is run, and its events are promised here."""
    assert len(_blocks(README, "python")) == len(PROMISED)


@pytest.mark.parametrize("number", range(len(PROMISED)))
def test_a_block_of_the_readme_runs(inspector: Inspector, tmp_path: Path, number: int) -> None:
    """Each block runs as it stands, but for the host, and sends what it promises."""
    code = _blocks(README, "python")[number]
    code = code.replace("https://eu.i.posthog.com", inspector.url)
    code += "".join(more for sign, more in POST_AN_ORDER.items() if sign in code)
    script = tmp_path / "test_block.py"
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
    assert [event["event"] for event in inspector.events()] == PROMISED[number]


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
