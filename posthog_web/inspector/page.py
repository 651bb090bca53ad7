"""The page and its parts, served from memory.

They are few and small, and read once: no path of a request ever meets the file system.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from posthog_web.inspector.refusal import Refusal

# Named here, since machines differ in what they take an ending for, and a script sent
# under a wrong type does not run.
_MEDIA_TYPES = {
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "svg": "image/svg+xml",
}


class Page:
    """Answers with the page's files."""

    def __init__(self) -> None:
        self._files = _load()

    async def index(self, _request: Request) -> Response:
        """Return the page itself."""
        return self._respond("page.html")

    async def part(self, request: Request) -> Response:
        """Return one of the files the page consists of."""
        return self._respond(request.path_params["name"])

    def _respond(self, name: str) -> Response:
        if name not in self._files:
            raise Refusal(404, "not_found", "The page has no such part.")
        return Response(self._files[name], media_type=_MEDIA_TYPES[_ending(name)])


def _load() -> Mapping[str, bytes]:
    folder = files("posthog_web.inspector") / "static"
    return {
        entry.name: entry.read_bytes()
        for entry in folder.iterdir()
        if _ending(entry.name) in _MEDIA_TYPES
    }


def _ending(name: str) -> str:
    return name.rpartition(".")[2]
