"""What people do in the three applications: real requests, and a real websocket."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

PATIENCE = 10.0


class UnexpectedAnswerError(Exception):
    """An application answered otherwise than the people expect."""


class Browser:
    """One person's browser at one application; it keeps cookies and follows redirects."""

    def __init__(self, address: str, headers: Mapping[str, str] | None = None) -> None:
        """Begin at *address*, sending *headers* with each request, as posthog-js would."""
        self.address = address
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["User-Agent"] = "Mozilla/5.0 (the demo)"
        self._session.headers.update(headers or {})

    def open(self, path: str, *, status: int = 200) -> None:
        """Open a page, which answers with *status*."""
        self._expect(status, self._session.get(self.address + path, timeout=PATIENCE))

    def send(self, path: str, form: Mapping[str, str] | None = None, *, status: int = 200) -> None:
        """Send a form; the page it leads to answers with *status*."""
        token = self._session.cookies.get("csrftoken")
        form = {**(form or {}), **({"csrfmiddlewaretoken": token} if token else {})}
        self._expect(status, self._session.post(self.address + path, form, timeout=PATIENCE))

    def talk(self, path: str, *texts: str) -> None:
        """Say something over a websocket; each text comes back to everybody, us included."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._session.cookies.items())
        address = self.address.replace("http", "ws", 1) + path
        try:
            with connect(
                address, additional_headers={"Cookie": cookies}, proxy=None, open_timeout=PATIENCE
            ) as socket:
                for text in texts:
                    socket.send(text)
                    heard = json.loads(socket.recv(timeout=PATIENCE))["text"]
                    if heard != text:
                        msg = f"{address}: {heard!r}, expected {text!r}"
                        raise UnexpectedAnswerError(msg)
        except (WebSocketException, TimeoutError) as error:
            msg = f"{address}: {error}"
            raise UnexpectedAnswerError(msg) from error

    def _expect(self, status: int, response: requests.Response) -> None:
        if response.status_code != status:
            request = response.request
            msg = f"{request.method} {request.url}: {response.status_code}, expected {status}"
            raise UnexpectedAnswerError(msg)


def visit_shop(address: str) -> None:
    """Four people come into the bookshop; two of them have an account, and one is declined."""
    passer_by = Browser(address)
    passer_by.open("/")
    passer_by.open("/books/the-waves/")
    passer_by.open("/books/no-such-book/", status=404)

    # The page's posthog-js knows this visitor by an id of its own.
    visitor = Browser(address, {"X-POSTHOG-DISTINCT-ID": "visitor-1", "X-POSTHOG-SESSION-ID": "s1"})
    visitor.open("/books/middlemarch/")

    ada = Browser(address)
    ada.open("/books/the-left-hand-of-darkness/")
    ada.open("/sign-in/")
    ada.send("/sign-in/", {"username": "ada", "password": "lovelace"})
    ada.open("/books/the-left-hand-of-darkness/")
    ada.send("/books/the-left-hand-of-darkness/buy/")

    # Whoever is signed in stays who they are, whatever their browser claims.
    grace = Browser(address, {"X-POSTHOG-DISTINCT-ID": "visitor-1"})
    grace.open("/sign-in/")
    grace.send("/sign-in/", {"username": "grace", "password": "hopper"})
    grace.open("/books/first-folio/")
    grace.send("/books/first-folio/buy/", status=500)
    grace.send("/books/invisible-cities/buy/")


def keep_notes(address: str) -> None:
    """Two people write things down; one wants them as PDF."""
    grace = Browser(address)
    grace.send("/sign-in", {"name": "grace", "password": "hopper"})
    grace.send("/notes", {"text": "A ship in port is safe; that is not what ships are built for."})
    grace.send("/notes", {"text": "Ask for forgiveness."})
    grace.send("/notes/2/delete")
    grace.send("/notes/7/delete", status=404)
    grace.open("/export.txt")
    grace.open("/export.pdf", status=500)

    katherine = Browser(address)
    katherine.send("/sign-in", {"name": "katherine", "password": "forgotten"}, status=403)
    katherine.send("/sign-in", {"name": "katherine", "password": "johnson"})
    katherine.send("/notes", {"text": "Get the girl to check the numbers."})


def talk_in_rooms(address: str) -> None:
    """Two people talk; one asks what nobody can answer. A stranger's program reads along."""
    Browser(address).open("/api/rooms/garden")

    hedy = Browser(address)
    hedy.send("/sign-in", {"name": "hedy"})
    hedy.open("/rooms/garden")
    hedy.talk("/rooms/garden/talk", "The irises are out.", "Eighty-eight of them.")

    katherine = Browser(address)
    katherine.send("/sign-in", {"name": "katherine"})
    katherine.open("/rooms/garden")
    katherine.talk("/rooms/garden/talk", "I count eighty-nine.")
    katherine.open("/api/rooms/garden/average")
    katherine.open("/api/rooms/attic/average", status=500)


VISITS: Mapping[str, Callable[[str], None]] = {
    "django_shop": visit_shop,
    "flask_notes": keep_notes,
    "fastapi_chat": talk_in_rooms,
}
