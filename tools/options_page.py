"""Keeps docs/options.md: every option, from posthog_web/_config/options.py.

python -m tools.options_page --write    renews the page
python -m tools.options_page --check    fails when the page is not what the options say
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import Field, fields
from typing import Any

from posthog_web._config import ClientOptions, WebOptions
from tools.page import ROOT, write_or_check

PAGE = ROOT / "docs/options.md"

HEADER = """\
# Options

Written by `python -m tools.options_page --write`; do not edit.

One option, `flush_at` say, can be written in any of these places. The first that has it counts:

| where | how |
|---|---|
| in code | `Posthog("phc_…", flush_at=50)`, `FlaskPosthog(app, flush_at=50)`, \
`app.add_middleware(PosthogMiddleware, flush_at=50)` |
| Django's settings | `POSTHOG = {"FLUSH_AT": 50}` |
| Flask's configuration | `app.config["POSTHOG_FLUSH_AT"] = 50` |
| the module | `posthog_web.flush_at = 50`, before its first use; no options of requests |
| the environment | `POSTHOG_FLUSH_AT=50` |

A name that does not exist, or a value of another kind, is refused at start-up. Not so on the
module: there an unknown name goes unnoticed, and a bad value is logged with the first call, and
nothing is sent; `posthog_web.setup()` refuses it. Nor in the environment, which may have
variables of others: there it is ignored, a bad value with a warning. Where that could tell what
is to stay private, nothing is sent (`host`, `before_send`, `disabled`, `send`, `privacy_mode`),
or the strictest value is used (`capture_ip`, `opt_out_by_default`, `respect_dnt`, `respect_gpc`).

In the environment, booleans are 1, 0, true, false, yes, no, on or off, lists and mappings are JSON,
and functions dotted paths (`shop.tracking.before_send`), which settings take too.
"""

CHAPTERS: dict[type[Any], tuple[str, str]] = {
    ClientOptions: ("Of a client", ""),
    WebOptions: (
        "Of requests",
        "What Django, Flask and ASGI are told beside the client's options.",
    ),
}

NOTES = {"Feature flags": "Accepted, and without effect: there are no feature flags yet."}

# As many members of a default are shown.
MOST_SHOWN = 3

# What is written as code: texts in quotes, and names.
_CODE = re.compile(r"'[^']*'|\w+\([\w, ]*\)|[$\w]*_\w*(?:=\w+|[*…])?|\b(?:None|True|False)\b")


def read_groups(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the comments between the fields in a class's *text*, and the fields below each."""
    title, names = "", list[str]()
    for line in text.splitlines():
        if comment := re.fullmatch(r"    # (.+)", line):
            if names:
                yield title, names
            title, names = comment[1], []
        elif name := re.match(r"    (\w+): ", line):
            names.append(name[1])
    yield title, names


def render(cls: type[Any]) -> str:
    """Return the tables of the options in *cls*."""
    known = {item.name: item for item in fields(cls)}
    lines: list[str] = []
    for title, names in read_groups(inspect.getsource(cls)):
        if title:
            lines += [f"### {title}", ""]
        if title in NOTES:
            lines += [NOTES[title], ""]
        lines += ["| option | takes | default | meaning |", "|---|---|---|---|"]
        lines += [_row(known.pop(name)) for name in names if name in known]
        lines.append("")
    if known:
        msg = f"these options were not found in the source: {', '.join(known)}"
        raise ValueError(msg)
    return "\n".join(lines)


def _row(item: Field[Any]) -> str:
    kind, meaning = item.metadata["kind"], item.metadata["meaning"]
    cells = (f"`{item.name}`", as_cell(kind.expected), show(item.default), as_cell(meaning))
    return f"| {' | '.join(cells)} |"


def show(default: object) -> str:
    """Return a default as one would write it; of a long list, how it begins."""
    text = repr(default)
    if type(default) is int:
        text = f"{default:_}"
    elif isinstance(default, tuple) and len(default) > MOST_SHOWN:
        first, last = default[0], default[-1]
        text = f"({', '.join(map(repr, default[:MOST_SHOWN]))}, …)"
        if type(first) is type(last) is int and default == tuple(range(first, last + 1)):
            text = f"range({first}, {last + 1})"
    return f"`{text}`".replace("|", "\\|")


def as_cell(text: str) -> str:
    """Return *text* for a cell of a table, with what is code as code."""
    return _CODE.sub(lambda found: f"`{found[0]}`", text).replace("|", "\\|")


def write_page() -> str:
    """Return the whole page."""
    chapters = [
        "\n".join(filter(None, (f"\n## {title}\n", f"{remark}\n" if remark else "", render(cls))))
        for cls, (title, remark) in CHAPTERS.items()
    ]
    return HEADER + "".join(chapters)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the page; return the exit code."""
    return write_or_check(
        PAGE,
        write_page,
        arguments,
        tool="tools.options_page",
        about=(__doc__ or "").partition("\n")[0],
        agrees="The page of options is what the options say.",
    )


if __name__ == "__main__":
    sys.exit(main())
