"""Secrets planted wherever applications have them: no report holds one, and all hold the rest."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import enum
import importlib.util
import json
import random
import re
import secrets
import string
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import flask
import pytest
from starlette.requests import Request

from posthog_web import Client, _guard
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.django_project import set_up

# What no detector knows by its looks: only its name or its place can give it away.
PLAIN = "correcthorse"
KEPT = "neighbour"

Build = Callable[[str], object]


class Field(enum.Enum):
    PASSWORD = 1
    USER = 2


class Login(NamedTuple):
    user: str
    password: str


@dataclasses.dataclass
class Account:
    name: str
    api_token: str
    nested: object = None


@dataclasses.dataclass(slots=True)
class Card:
    holder: str
    card_number: str


class Service:
    def __init__(self, secret: str) -> None:
        self.name = KEPT
        self.__private_key = secret
        self.settings = {"smtp": {"host": KEPT, "PASSWORD": secret}}

    def __repr__(self) -> str:
        return f"Service({self.__private_key})"


class ApiSecret:
    def __init__(self, secret: str) -> None:
        self._value = secret


def _error(secret: str) -> Exception:
    error = ValueError(KEPT, {"password": secret})
    error.token = secret  # type: ignore[attr-defined]
    return error


# By place: a variable named `value` holds it.
SHAPES: dict[str, Build] = {
    "dict": lambda s: {"user": KEPT, "password": s},
    "nested dicts": lambda s: {"a": [{"b": {"user": KEPT, "Api-Key": s}}]},
    "a key in capitals": lambda s: {"user": KEPT, "DB_PASSWORD": s},
    "a key of bytes": lambda s: {b"user": KEPT, b"authorization": s.encode()},
    "a key that is a secret": lambda s: {f"https://{s}@host/": KEPT},
    "headers": lambda s: [("host", KEPT), ("authorization", s), ("cookie", f"a={s}")],
    "headers of ASGI": lambda s: [(b"host", KEPT.encode()), (b"x-api-key", s.encode())],
    "a pair": lambda s: {"header": ("x-csrf-token", s), "b": KEPT},
    "a pair in a list": lambda s: [["password", s], ["user", KEPT]],
    "records": lambda s: [{"name": "DB_PASSWORD", "value": s}, {"name": "HOST", "value": KEPT}],
    "arguments": lambda s: ["mysql", "--password", s, "-h", KEPT],
    "an argument": lambda s: ["mysql", f"--password={s}", "-h", KEPT],
    "the environment": lambda s: dict(sorted({"HOME": KEPT, "DATABASE_PASSWORD": s}.items())),
    "a named tuple": lambda s: Login(KEPT, s),
    "a dataclass": lambda s: Account(KEPT, s),
    "a dataclass in a dataclass": lambda s: Account(KEPT, "", [Account("a", s)]),
    "slots": lambda s: Card(KEPT, s),
    "private attributes": Service,
    "a class named for it": lambda s: [ApiSecret(s), KEPT],
    "a namespace": lambda s: types.SimpleNamespace(user=KEPT, password=s),
    "an ordered dict": lambda s: collections.OrderedDict(user=KEPT, password=s),
    "a default dict": lambda s: collections.defaultdict(str, user=KEPT, password=s),
    "a deque": lambda s: collections.deque([{"token": s}, KEPT]),
    "an exception": _error,
    "a text of JSON": lambda s: [json.dumps({"password": s}), KEPT],
    "bytes of JSON": lambda s: [json.dumps({"password": s}).encode(), KEPT],
    "a bytearray": lambda s: [bytearray(f"token={s}".encode()), KEPT],
    "a query": lambda s: [f"page=1&reset_token={s}", KEPT],
    "an address with a query": lambda s: [f"https://host/a?token={s}", KEPT],
    "an address with credentials": lambda s: f"https://bob:{s}@{KEPT}/path",
    "an address with odd credentials": lambda s: f"redis://:{s}@x/{s}@{KEPT}:1/0",
    "a DSN": lambda s: [f"host=db user=bob password={s}", KEPT],
    "a header in a text": lambda s: [f"GET / HTTP/1.1\r\nAuthorization: Bearer {s}", KEPT],
    "a bearer": lambda s: f"Bearer {s} {KEPT}",
    "a form": lambda s: {"user": [KEPT], "password": [s]},
    "a set": lambda s: [{f"password={s}"}, KEPT],
    "members of an enum as keys": lambda s: {Field.USER: KEPT, Field.PASSWORD: s},
    "tuples as keys": lambda s: {("db", "user"): KEPT, ("db", "password"): s},
    "a filter": lambda s: [("password", "=", s), ("user", "=", KEPT)],
    "a change": lambda s: [{"field": "password", "old": s, "current": s}, KEPT],
    "an input": lambda s: [{"type": "password", "value": s}, {"type": "text", "value": KEPT}],
    "what pydantic refused": lambda s: [
        {"type": "too_short", "loc": ("body", "password"), "msg": "Too short", "input": s},
        {"type": "too_short", "loc": ["body", "name"], "msg": "Too short", "input": KEPT},
    ],
    "user and password as an argument": lambda s: ["curl", "-u", f"bob:{s}", KEPT],
    "user and password as one argument": lambda s: [f"curl --user=bob:{s} {KEPT}"],
    "user and password with a host": lambda s: [f"at bob:{s}@db:5432/app", KEPT],
    "bytes in UTF-16": lambda s: [f"password={s}".encode("utf-16-le"), KEPT],
    "a text in UTF-16": lambda s: [f"pw={s}".encode("utf-16-be").decode("latin-1"), KEPT],
    "a tuple as a key": lambda s: {("token", s): 1, "b": KEPT},
    "raw bytes": lambda s: [s.encode("utf-16"), s.encode() + b"\xff", KEPT],
    "a function's closure": lambda s: [lambda: s, KEPT],
    "a generator": lambda s: [(s for _ in range(1)), KEPT],
    "a class": lambda s: [type("Made", (), {"attribute": s}), KEPT],
    "a module": lambda s: [_module(s), KEPT],
    "too much": lambda s: [[{"a": s}] * 60, s * 300, KEPT],
}

# By its name, as a variable.
NAMES = (
    *("password", "Passwd", "db_pass", "api_key", "apiKey", "API_KEY", "auth_header", "jwt"),
    *("secret_word", "credentials", "privatekey", "access_token", "aws_access_key_id", "sk_live"),
    *("connection_string", "conn_str", "database_dsn", "cookies", "csrf", "sessionid", "pin"),
    *("pw", "db_pw", "totp", "creds", "bearer", "mfa_code", "recovery_codes", "security_code"),
)

# As somebody writes them into a message.
MESSAGES = (
    "cannot connect to postgres://bob:{s}@neighbour:5432/shop",
    "cannot connect: host=neighbour password={s}",
    "neighbour answered 401 to Authorization: Bearer {s}",
    "neighbour answered 401 to Bearer {s}",
    "Command '['mysql', '-h', 'neighbour', '--password', '{s}']' returned 1",
    "validation of {{'user': 'neighbour', 'password': '{s}'}} failed",
    'body was {{"user": "neighbour", "token": "{s}"}}',
    "GET https://neighbour/?access_token={s}&a=1 failed",
    "neighbour refused Login(user='bob', password='{s}')",
    "neighbour refused ('x-api-key', '{s}')",
    "neighbour refused cookie: a=1; b={s}",
    "1 error for neighbour\npassword\n  Bad [type=short, input_value='{s}', input_type=str]",
    "INSERT INTO neighbour\n[parameters: ('bob', '{s}')]\n(Background on this error)",
    "cannot connect to bob:{s}@neighbour:5432/app",
    "cannot connect to tcp(bob:{s}@neighbour)/app",
    'neighbour refused password: """{s}"""',
    "neighbour refused authorization: ApiKey {s}",
    'neighbour refused Authorization: Digest username="bob", response="{s}"',
    "neighbour refused PASSWORD=<{s}>",
    "neighbour refused login(user='bob', pw='{s}')",
    "neighbour refused name=password value={s}",
    'body was {{"password": {{"a": {{"b": 1}}, "c": "{s}"}}, "user": "neighbour"}}',
)

# For tests only, and nobody's.
CARDS = ["4111111111111111", "4111 1111 1111 1111", 5555555555554444, "3782-822463-10005"]

LETTERS = string.ascii_letters + string.digits


def _random(length: int, letters: str = LETTERS) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


# By how it looks. Made anew in each run.
TOKENS: dict[str, Callable[[], str]] = {
    "AWS": lambda: "AKIA" + _random(16, string.ascii_uppercase + string.digits),
    "GitHub": lambda: "ghp_" + _random(36),
    "Stripe": lambda: "sk_live_" + _random(24),
    "Slack": lambda: "xoxb-123456789012-" + _random(24),
    "Google": lambda: "AIza" + _random(35),
    "OpenAI": lambda: "sk-proj-" + _random(40),
    "PostHog": lambda: "phx_" + _random(43),
    "JWT": lambda: f"eyJ{_random(20)}.eyJ{_random(40)}.{_random(43)}",
    "PEM": lambda: f"-----BEGIN EC PRIVATE KEY-----\n{_random(64)}\n-----END EC PRIVATE KEY-----",
    "bcrypt": lambda: "$2b$12$" + _random(53),
}


def _module(secret: str) -> types.ModuleType:
    module = types.ModuleType("made")
    module.plain = secret  # type: ignore[attr-defined]
    return module


def _fail(value: object) -> NoReturn:
    raise LookupError(type(value).__name__)


def _fail_with(message: str) -> NoReturn:
    raise LookupError(message)


@pytest.fixture(params=[True, False], ids=["with variables", "without variables"])
def client(request: pytest.FixtureRequest, posthog_events: object) -> Iterator[Client]:  # noqa: ARG001
    """Return a client that tells of variables, then one that does not; raise our own faults."""
    with _guard.loud():
        yield Client("phc_test", capture_exception_code_variables=request.param)


def _report(client: Client, events: RecordedEvents, fail: Callable[[], object]) -> str:
    """Return the one event that what *fail* raises becomes, as text."""
    try:
        fail()
    except Exception as error:  # noqa: BLE001 - whatever it is
        client.capture_exception(error, "user-1")
    return json.dumps(events.one("$exception").raw, ensure_ascii=False)


def _told(events: RecordedEvents) -> list[str]:
    """Return the variables of each frame that has any, as text."""
    entries = events.one("$exception").properties["$exception_list"]
    frames = [frame for entry in entries for frame in entry["stacktrace"]["frames"]]
    return [json.dumps(one["code_variables"]) for one in frames if "code_variables" in one]


def _shows_variables(client: Client) -> bool:
    return client.options.capture_exception_code_variables


@pytest.mark.parametrize("shape", SHAPES)
def test_secrets_by_their_place(client: Client, posthog_events: RecordedEvents, shape: str) -> None:
    """A secret in any shape of value is hidden, and what stands beside it is not."""
    secret = PLAIN + _random(3, string.ascii_lowercase)

    sent = _report(client, posthog_events, lambda: _fail(SHAPES[shape](secret)))

    # Of wide characters, too.
    assert PLAIN not in re.sub(r"\\+u0000", "", sent)
    told = _told(posthog_events)
    assert bool(told) is _shows_variables(client)
    assert all(KEPT in text for text in told[-1:])


@pytest.mark.parametrize("name", NAMES)
def test_secrets_by_their_name(client: Client, posthog_events: RecordedEvents, name: str) -> None:
    """A variable that is named like a secret is hidden whatever it holds, its neighbour is not."""
    for held in (PLAIN, [PLAIN], {"a": PLAIN}, PLAIN.encode(), 19840217):
        namespace: dict[str, Any] = {"__file__": __file__, "__name__": __name__}
        exec(f"def fail({name}, city):\n    raise LookupError", namespace)  # noqa: S102
        posthog_events.clear()

        sent = _report(client, posthog_events, lambda: namespace["fail"](held, KEPT))  # noqa: B023

        # This function's own frame has it too, by a name that says nothing.
        told = _told(posthog_events)
        assert bool(told) is _shows_variables(client)
        assert not any(PLAIN in text or "19840217" in text for text in told[-1:])
        assert all(KEPT in text for text in told[-1:])
        assert (PLAIN in sent) is (PLAIN in "".join(told[:-1]))


@pytest.mark.parametrize("message", MESSAGES)
def test_secrets_in_messages(client: Client, posthog_events: RecordedEvents, message: str) -> None:
    """A secret in a message is hidden in it, in its copies and in variables; the rest is not."""
    sent = _report(client, posthog_events, lambda: _fail_with(message.format(s=PLAIN)))

    assert PLAIN not in sent
    assert KEPT in posthog_events.one("$exception").properties["$exception_message"]


@pytest.mark.parametrize("issuer", TOKENS)
def test_secrets_by_looks(client: Client, posthog_events: RecordedEvents, issuer: str) -> None:
    """A key in a value or a message is hidden without any name to it."""
    key = TOKENS[issuer]()
    start = key.splitlines()[1 if "\n" in key else 0][:40]
    shapes = [key, {"a": [key]}, f"used {key} at {KEPT}", {key: KEPT}]

    sent = _report(client, posthog_events, lambda: _fail(shapes))
    posthog_events.clear()
    sent += _report(client, posthog_events, lambda: _fail_with(f"{KEPT} refused {key}"))

    assert start not in sent
    assert KEPT in sent


def test_numbers_of_cards(client: Client, posthog_events: RecordedEvents) -> None:
    """A card's number in a variable is hidden, written as text or as a number; others are not."""
    others = ["4111111111111112", 1716989012345, "4111", "2026-05-17", "1111111111111117"]

    sent = _report(client, posthog_events, lambda: _fail({"a": CARDS, "b": others}))

    assert not any(str(card) in sent for card in CARDS)
    for told in _told(posthog_events)[-1:]:
        assert all(str(other) in told for other in others)


def test_random_tokens_in_variables(client: Client, posthog_events: RecordedEvents) -> None:
    """A token nobody knows by its format is hidden in variables for its disorder."""
    kept = ["lowercase words stay", "/srv/shop/Views2.py", "shop.views.BookDetailView"]
    drawn = random.Random(20260517)  # one in ten thousand happens to look like a word
    for length in range(14, 64):
        token = f"aZ{''.join(drawn.choices(LETTERS, k=length))}5"
        posthog_events.clear()

        sent = _report(client, posthog_events, lambda: _fail([token, *kept]))  # noqa: B023

        assert token not in sent
        assert all(text in told for told in _told(posthog_events)[-1:] for text in kept)


def test_causes_notes_and_groups(client: Client, posthog_events: RecordedEvents) -> None:
    """What a chain of exceptions says is masked at each of its links."""

    def fail() -> NoReturn:
        try:
            _fail_with(f"postgres://bob:{PLAIN}@{KEPT}/shop")
        except LookupError as error:
            error.add_note(f"tried with password={PLAIN} at {KEPT}")
            msg = f"token={PLAIN} at {KEPT}"
            raise ExceptionGroup(msg, [ValueError(f"Bearer {PLAIN} at {KEPT}")]) from error

    sent = _report(client, posthog_events, fail)

    assert PLAIN not in sent
    assert sent.count(f"at {KEPT}") >= 3


def test_what_is_no_exception(client: Client, posthog_events: RecordedEvents) -> None:
    """A text that is reported in place of an exception is masked like a message."""
    client.capture_exception(f"password={PLAIN} at {KEPT}")

    sent = json.dumps(posthog_events.one("$exception").raw)
    assert PLAIN not in sent
    assert KEPT in sent


SOURCE = """
NAME = "neighbour"
SECRET_KEY = "correcthorse"
DATABASE = {"USER": "shop", "PASSWORD": "correcthorse"}
CACHE = "redis://:correcthorse@cache/0"
def fail(password="correcthorse"): raise LookupError(NAME)
STRIPE = "$KEY"
API_TOKEN = '''
correcthorse'''
PEM = '''$PEM'''
"""


def test_source_lines(posthog_events: RecordedEvents, tmp_path: Path) -> None:
    """Secrets written into the application's code are not sent with the lines around a failure."""
    key, pem = TOKENS["Stripe"](), TOKENS["PEM"]()
    path = tmp_path / "leaky.py"
    path.write_text(SOURCE.replace("$KEY", key).replace("$PEM", pem))
    spec = importlib.util.spec_from_file_location("leaky", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    client = Client("phc_test", project_root=str(tmp_path))

    sent = _report(client, posthog_events, module.fail)

    assert PLAIN not in sent
    assert key not in sent
    assert pem.splitlines()[1] not in sent
    frame = posthog_events.one("$exception").properties["$exception_list"][0]["stacktrace"][
        "frames"
    ][-1]
    assert frame["pre_context"][1] == f'NAME = "{KEPT}"'
    assert frame["context_line"].endswith("): raise LookupError(NAME)")
    assert len(frame["post_context"]) == 5


LINES = [
    "SECRET_KEY = os.getenv('SECRET_KEY', 'correcthorse')",
    'PASSWORDS = ["correcthorse", "correcthorse"]',
    'PASSWORD = ("correcthorse"\n    "correcthorse")',
    'AUTH = ("bob", "correcthorse")',
    'TOKEN = b"correcthorse" b"correcthorse"',
    'HEADERS = {"Authorization": "Token " + "correcthorse"}',
    'login(user="bob", pw="correcthorse")',
    'if "correcthorse" == password: pass',
    'client.set_password("correcthorse")',
    'URL = "https://host/?sig=correcthorse"',
]


@pytest.mark.parametrize("line", LINES)
def test_secrets_in_source_lines(posthog_events: RecordedEvents, tmp_path: Path, line: str) -> None:
    """A literal that belongs to a secret's name is not sent, however the code puts it there."""
    path = tmp_path / "leaky.py"
    text = f"def fail(neighbour):\n    raise LookupError\n{line}\n"
    path.write_text(text)
    namespace: dict[str, Any] = {"__file__": str(path), "__name__": "leaky"}
    exec(compile(text.partition(line)[0], path, "exec"), namespace)  # noqa: S102
    client = Client("phc_test", project_root=str(tmp_path))

    sent = _report(client, posthog_events, lambda: namespace["fail"](1))

    assert PLAIN not in sent.partition("leaky.py")[2]
    assert "def fail(neighbour):" in sent
    assert line[:3] in sent


# Requests


def _view(request: Any, **parts: Any) -> NoReturn:
    msg = f"{KEPT} {len(parts)} {request is None}"
    raise LookupError(msg)


def _flask_request() -> Iterator[tuple[object, dict[str, object]]]:
    app = flask.Flask(__name__)
    app.secret_key = PLAIN
    with app.test_request_context(
        f"/reset?token={PLAIN}",
        method="POST",
        data={"password": PLAIN},
        headers={"Authorization": f"Bearer {PLAIN}", "Cookie": f"a={PLAIN}", "X-Plain": PLAIN},
    ) as context:
        request = flask.request
        request.form  # noqa: B018 - parsed, as by a view
        flask.session["a"] = PLAIN
        yield (
            request,
            {
                "form": request.form,
                "args": request.args,
                "headers": request.headers,
                "cookies": request.cookies,
                "environ": request.environ,
                "session": flask.session._get_current_object(),  # type: ignore[attr-defined]
                "own": request._get_current_object(),  # type: ignore[attr-defined]
                "app": app,
                "config": app.config,
                "context": context,
            },
        )


def _django_request() -> Iterator[tuple[object, dict[str, object]]]:
    set_up()
    from django.conf import settings
    from django.test import RequestFactory

    request = RequestFactory().post(
        f"/reset?token={PLAIN}",
        {"password": PLAIN, "plain": PLAIN},
        headers={"authorization": f"Bearer {PLAIN}", "cookie": f"a={PLAIN}", "x-plain": PLAIN},
    )
    yield (
        request,
        {
            "post": request.POST,
            "query": request.GET,
            "meta": request.META,
            "headers": request.headers,
            "cookies": request.COOKIES,
            "settings": settings,
        },
    )


def _starlette_request() -> Iterator[tuple[object, dict[str, object]]]:
    body = f"password={PLAIN}".encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/{KEPT}",
        "query_string": f"token={PLAIN}".encode(),
        "headers": [
            (b"authorization", f"Bearer {PLAIN}".encode()),
            (b"cookie", f"a={PLAIN}".encode()),
            (b"x-plain", PLAIN.encode()),
            (b"content-type", b"application/x-www-form-urlencoded"),
        ],
        "client": ("127.0.0.1", 1),
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    request = Request(scope, receive)
    form = asyncio.run(_parsed(request))
    yield (
        request,
        {
            "scope": scope,
            "form": form,
            "query": request.query_params,
            "headers": request.headers,
            "cookies": request.cookies,
            "url": request.url,
            "body": body,
        },
    )


async def _parsed(request: Request) -> object:
    return await request.form()


@pytest.mark.parametrize("make", [_flask_request, _django_request, _starlette_request])
def test_requests_and_their_parts(
    client: Client,
    posthog_events: RecordedEvents,
    make: Callable[[], Iterator[tuple[object, dict[str, object]]]],
) -> None:
    """Of a request, its form, headers, cookies and session nothing is told but what they are."""
    for request, parts in make():
        sent = _report(client, posthog_events, lambda: _view(request, **parts))  # noqa: B023

        assert PLAIN not in sent
        assert KEPT in sent
        assert all('"request": "<' in text for text in _told(posthog_events)[-1:])
