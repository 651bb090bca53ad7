"""Variables of a Django project: what is marked as sensitive, what is lazy, and requests."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from time import thread_time
from typing import Any, NoReturn

import django
import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from posthog_web import Client
from posthog_web._exceptions.redaction import REDACTED
from posthog_web._exceptions.rendering import TOO_LONG
from posthog_web._exceptions.sensitive import MOST_CALLERS
from posthog_web.testing import RecordedEvents
from tests.adapters.apps.django_project import QUERIES, set_up
from tests.exceptions.reading import frames_of, reader, told

HERE = __name__


@pytest.fixture(autouse=True)
def _django() -> None:
    set_up()


# Marks


@sensitive_variables("card", "mother")
def _pay(card: str, amount: int) -> NoReturn:
    mother = "hunter2"
    details = {"card": card, "place": "Berlin", "items": [("mother", mother)]}
    _charge(details, amount)
    raise AssertionError


def _charge(details: object, card: object) -> NoReturn:
    raise LookupError(len(str(details)) + len(str(card)))


@sensitive_variables()
def _hide_all(first: str) -> NoReturn:
    second = [first]
    raise LookupError(second)


class Shop:
    @sensitive_variables("card")
    def pay(self, card: str) -> NoReturn:
        raise LookupError(card)


def test_named_variables_are_hidden_in_the_function_and_in_what_it_calls() -> None:
    """The names that sensitive_variables was given hide variables, keys and pairs."""
    read = reader()

    inner, outer, *_ = frames_of(lambda: _pay("hunter2", 5))
    called, marked = read(inner), read(outer)

    assert called is not None
    assert marked is not None
    assert called["card"] == REDACTED
    assert json.loads(called["details"]) == {
        "card": REDACTED,
        "place": "Berlin",
        "items": [["mother", REDACTED]],
    }
    assert (marked["card"], marked["mother"]) == (REDACTED, REDACTED)
    assert marked["amount"] == 5


def test_without_names_all_variables_are_hidden() -> None:
    """sensitive_variables() shows names and nothing else, None neither."""
    found = reader()(frames_of(lambda: _hide_all("hunter2"))[0])

    assert found == {"first": REDACTED, "second": REDACTED}


def test_methods_and_the_wrappers_own_frame() -> None:
    """A method is marked like a function; the wrapper's frame has the same arguments."""
    method, wrapper, *_ = frames_of(lambda: Shop().pay("hunter2"))

    assert method.f_code.co_name == "pay"
    assert reader()(method) == {"card": REDACTED, "self": f"<{HERE}.Shop>"}
    assert wrapper.f_code.co_name == "sensitive_variables_wrapper"
    assert "hunter2" not in str(reader()(wrapper))


@sensitive_variables("card")
async def _pay_later(card: str, amount: int) -> NoReturn:
    _charge({"amount": amount}, card)


@sensitive_variables()
async def _hide_all_later(first: str) -> NoReturn:
    raise LookupError(first)


async def _await(marked: Callable[..., Any], *args: object) -> None:
    plain = len(args)
    await marked(*args)
    raise LookupError(plain)


@pytest.mark.skipif(django.VERSION < (5,), reason="Django 4.2 marks no coroutines")
def test_coroutines() -> None:
    """An asynchronous function is marked by its place, and what it calls with it."""
    called, marked, caller, *_ = frames_of(lambda: asyncio.run(_await(_pay_later, "hunter2", 5)))
    hidden, *_ = frames_of(lambda: asyncio.run(_await(_hide_all_later, "hunter2")))

    assert reader()(marked) == {"amount": 5, "card": REDACTED}
    assert reader()(hidden) == {"first": REDACTED}
    assert called.f_code.co_name == "_charge"
    assert (reader()(caller) or {})["plain"] == 2


def _reported(events: RecordedEvents, fail: Callable[[], object]) -> dict[str, dict[str, Any]]:
    """Return the variables of what *fail* raises, by the name of each frame's function."""
    client = Client("phc_test", capture_exception_code_variables=True)
    try:
        fail()
    except LookupError as error:
        client.capture_exception(error)
    frames = events.one("$exception").properties["$exception_list"][0]["stacktrace"]["frames"]
    return {
        frame["function"].rpartition(".")[2]: frame["code_variables"]
        for frame in frames
        if "code_variables" in frame
    }


async def _charge_later(card: str, place: str) -> NoReturn:
    await asyncio.sleep(0)
    raise LookupError(card + place)


@sensitive_variables("card")
async def _wait_for(card: str, wait: Callable[[str], Any]) -> None:
    await wait(card)


WAITS: dict[str, Callable[[str], Any]] = {
    "another coroutine": lambda card: _charge_later(card, "Berlin"),
    "several": lambda card: asyncio.gather(_charge_later(card, "Berlin")),
    "a task": lambda card: asyncio.create_task(_charge_later(card, "Berlin")),
    "a thread": lambda card: asyncio.to_thread(_charge, "Berlin", card),
}


@pytest.mark.skipif(django.VERSION < (5,), reason="Django 4.2 marks no coroutines")
@pytest.mark.parametrize("how", WAITS)
def test_what_a_marked_coroutine_waits_for(how: str, posthog_events: RecordedEvents) -> None:
    """Its marks count in what it waited for, which has no caller any more."""
    told = _reported(posthog_events, lambda: asyncio.run(_wait_for("hunter2", WAITS[how])))

    [inner] = [told[name] for name in ("_charge", "_charge_later") if name in told]
    assert inner["card"] == REDACTED
    assert "Berlin" in inner.values()


@sensitive_variables("card")
def _generate(card: str, place: str) -> Iterator[int]:
    yield len(place)
    raise LookupError(card)


@sensitive_variables()
async def _generate_later(first: str) -> AsyncIterator[int]:
    yield 1
    raise LookupError(first)


class Till:
    @staticmethod
    @sensitive_variables("card")
    def count(card: str, place: str) -> Iterator[int]:
        yield len(place)
        raise LookupError(card)

    @contextlib.contextmanager
    @sensitive_variables("card")
    def opened(self, card: str, place: str) -> Iterator[int]:
        yield len(place)
        raise LookupError(card)


def _use_the_till() -> None:
    with Till().opened("hunter2", "Berlin"):
        pass


async def _all_of(numbers: AsyncIterator[int]) -> list[int]:
    return [number async for number in numbers]


@pytest.mark.parametrize(
    ("fail", "name", "expected"),
    [
        (lambda: list(_generate("hunter2", "Berlin")), "_generate", "Berlin"),
        (lambda: list(Till.count("hunter2", "Berlin")), "count", "Berlin"),
        (_use_the_till, "opened", "Berlin"),
        (lambda: asyncio.run(_all_of(_generate_later("hunter2"))), "_generate_later", REDACTED),
    ],
)
def test_generators(
    fail: Callable[[], object], name: str, expected: str, posthog_events: RecordedEvents
) -> None:
    """A generator runs when its wrapper has returned; its marks are on the function."""
    told = _reported(posthog_events, fail)

    assert "hunter2" not in str(told[name])
    assert expected in told[name].values()


def test_beyond_many_callers_all_is_sensitive() -> None:
    """Whether one of them is marked is not known, as they are not all looked at."""

    def descend(depth: int) -> None:
        if depth:
            descend(depth - 1)
        raise LookupError

    def read(depth: int) -> object:
        return reader()(frames_of(lambda: descend(depth))[0])

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(2 * MOST_CALLERS)
    try:
        near, far = read(10), read(MOST_CALLERS)
    finally:
        sys.setrecursionlimit(limit)

    assert (near or {})["depth"] == 0
    assert set((far or {}).values()) == {REDACTED}


def test_deep_recursion_takes_little_time() -> None:
    """Callers are looked at once for all frames of an event."""

    def descend(depth: int) -> None:
        if depth:
            descend(depth - 1)
        raise LookupError

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(MOST_CALLERS)
    try:
        frames = frames_of(lambda: descend(MOST_CALLERS - 500))[:50]
    finally:
        sys.setrecursionlimit(limit)
    times: list[float] = []
    for _ in range(5):
        read = reader()
        start = thread_time()
        found = [read(frame) for frame in frames]
        times.append(thread_time() - start)
        assert [(one or {})["depth"] for one in found] == list(range(50))

    assert min(times) < 0.06


def test_threads_between() -> None:
    """A marked view that an event loop runs in a thread is marked all the same."""
    view = sync_to_async(lambda: _pay("hunter2", 5))

    async def handle() -> None:
        await view()

    frames = frames_of(async_to_sync(handle))

    assert "hunter2" not in str([reader()(frame) for frame in frames])


def _post(**form: str) -> Any:
    from django.test import RequestFactory

    return RequestFactory().post(
        "/pay?code=hunter2",
        form,
        headers={"authorization": "Bearer hunter2", "x-anything": "hunter2"},
    )


@sensitive_post_parameters("card")
def _order(request: Any) -> NoReturn:
    data = request.POST.dict()
    form = request.POST
    card = request.POST["card"]
    _take(data, [("card", card)], form)
    raise AssertionError


@sensitive_post_parameters("card")
async def _order_later(request: Any) -> NoReturn:
    data = request.POST.dict()
    raise LookupError(data)


def _take(data: object, pairs: object, form: object) -> NoReturn:
    raise LookupError(len(f"{data}{pairs}{form}"))


def test_post_parameters_are_hidden_where_they_went() -> None:
    """A form is not shown, and what the decorator names is hidden in what was made of it."""
    frames = frames_of(lambda: _order(_post(card="hunter2", place="Berlin")))
    inner, outer = (reader()(frame) for frame in frames[:2])

    assert inner is not None
    assert outer is not None
    assert json.loads(inner["data"]) == {"card": REDACTED, "place": "Berlin"}
    assert inner["pairs"] == f'[["card","{REDACTED}"]]'
    assert inner["form"] == outer["form"] == "<django.http.request.QueryDict>"
    assert outer["card"] == REDACTED
    assert outer["request"] == "<django.core.handlers.wsgi.WSGIRequest>"
    assert "hunter2" not in f"{inner}{outer}"


def test_post_parameters_of_an_asynchronous_view() -> None:
    """Its request says what is sensitive, as its callers cannot be found."""
    request = _post(card="hunter2", place="Berlin")

    found = reader()(frames_of(lambda: asyncio.run(_order_later(request)))[0])

    assert found is not None
    assert json.loads(found["data"]) == {"card": REDACTED, "place": "Berlin"}


# What is lazy, and what belongs to Django


def _django_values() -> Iterator[tuple[object, str]]:
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import connection, models
    from django.utils.functional import SimpleLazyObject
    from django.utils.safestring import mark_safe
    from django.utils.translation import gettext_lazy

    class BookQuerySet(models.QuerySet[Any]):
        pass

    def find() -> NoReturn:
        QUERIES.append("lazy")
        raise AssertionError

    rows = "<django.db.models.query.QuerySet>"
    yield User.objects.all(), rows
    yield [User.objects.filter(pk=1)], f'["{rows}"]'
    yield BookQuerySet(User), f"<{HERE}._django_values.<locals>.BookQuerySet>"
    yield User.objects, "<django.contrib.auth.models.UserManager>"
    yield User.objects.all().iterator(), "<generator>"
    yield User(username="bob", password="hunter2"), "<django.contrib.auth.models.User>"
    yield SimpleLazyObject(find), "<django.utils.functional.SimpleLazyObject>"
    yield gettext_lazy("hunter2"), "<django.utils.functional.lazy.<locals>.__proxy__>"
    yield mark_safe("some text"), "some text"
    yield settings, "<django.conf.LazySettings>"
    yield SessionStore("a-key"), "<django.contrib.sessions.backends.db.SessionStore>"
    yield connection, "<django.utils.connection.ConnectionProxy>"


def test_nothing_lazy_is_evaluated() -> None:
    """Querysets, managers, lazy objects, translations and settings cost no query and no call."""
    values = list(_django_values())
    QUERIES.clear()

    found = [(told(value), expected) for value, expected in values]

    assert not QUERIES
    assert [text for text, _ in found] == [expected for _, expected in found]


@functools.cache
def _own_models() -> tuple[Any, Any]:
    from django.contrib.auth.models import User
    from django.db import models

    class Person(User):
        class Meta:
            app_label = "tests_exceptions"
            proxy = True

        def __str__(self) -> str:
            QUERIES.append("__str__")
            return self.username

    class Note(models.Model):
        text = models.TextField()
        writer = models.ForeignKey(User, on_delete=models.CASCADE)
        api_token = models.TextField()

        class Meta:
            app_label = "tests_exceptions"

        def __str__(self) -> str:
            return str(self.writer)

    return Person, Note


def test_a_model_of_the_projects_own_shows_the_fields_it_has() -> None:
    """Fields that were deferred stay so, related objects are not fetched, passwords are hidden."""
    Person, Note = _own_models()  # noqa: N806 - classes
    person = Person.objects.defer("email").order_by("pk").first()
    note = Note(text="hello", writer_id=3, api_token="hunter2")
    QUERIES.clear()

    shown = json.loads(told(note))
    of_person = json.loads(told(person))

    assert not QUERIES
    assert shown["text"] == "hello"
    assert shown["writer_id"] == 3
    assert shown["api_token"] == REDACTED
    assert of_person["username"]
    assert of_person["password"] == REDACTED
    assert "email" not in of_person


def test_a_form_and_a_view_are_shown_without_their_request() -> None:
    """What the project derives is shown as far as it is the project's."""
    from django import forms
    from django.http import HttpRequest, QueryDict
    from django.views import View

    class LoginForm(forms.Form):
        name = forms.CharField()

    class Page(View):
        pass

    class OwnRequest(HttpRequest):
        pass

    page = Page(extra="shown")
    page.setup(_post(card="hunter2"), 7, slug="emma")
    form = LoginForm(QueryDict("name=bob&password=hunter2"))

    assert told(OwnRequest()) == f"<{HERE}.{OwnRequest.__qualname__}>"
    assert "hunter2" not in told(form)
    shown = json.loads(told(page))
    assert shown["kwargs"] == {"slug": "emma"}
    assert shown["request"] == "<django.core.handlers.wsgi.WSGIRequest>"
    assert TOO_LONG not in told(page)
