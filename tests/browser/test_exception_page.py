"""An exception on the inspector's page, as a person reads it."""

from __future__ import annotations

import json

from playwright.sync_api import BrowserContext, Locator, Page, expect

from posthog_web import Client
from posthog_web.inspector import Inspector
from tests.browser.conftest import Visit
from tests.browser.exceptions import REQUEST, a_frame, a_payment_that_failed, an_entry, send

READ = """\
CheckoutError unhandled error
order 4711 was not paid
17 more like this were left out.
checkout shop/payment.py:61
60 def checkout(order):
61     raise CheckoutError(order) from error
order 4711
card masked
1 frame of a library
pay shop/views.py:34
33 def pay(order):
34     checkout(order)
2 frames of libraries
caused by
BankError
nobody answers
1 frame of a library raised in send requests/sessions.py:703
checkout shop/payment.py:58
57 def checkout(order):
58     charge(order)
while handling
ExceptionGroup
both banks
member of ExceptionGroup, 1 of 2
TimeoutError
the first bank
caused by
OSError
its line is down
member of ExceptionGroup, 2 of 2
KeyError
'the second bank'
"""


def test_an_exception_is_read_from_top_to_bottom(inspector: Inspector, visit: Visit) -> None:
    """What was raised, where, with which values, out of what it arose: in this order."""
    send(
        inspector,
        a_payment_that_failed(),
        **{"$exception_level": "error", "$exception_source": "django.middleware"},
        **{"$suppressed_count": 17},
        **REQUEST,
    )

    page = visit(inspector.url)

    assert words(exception(page)) == words_of(READ)
    expect(page.locator("#rows li").first).to_contain_text("POST /orders/4711/pay/")
    expect(page.locator(".masked")).to_have_attribute("title", "$$_posthog_redacted_$$")
    facts = page.locator(".facts")
    expect(facts).to_contain_text("Person" + "ada")
    expect(facts).to_contain_text(
        "Request" + "POST /orders/4711/pay/ 500 route /orders/<int:number>/pay/"
    )
    expect(facts).to_contain_text("Seen by" + "django.middleware")


def test_an_exception_can_be_read_with_keys_and_by_ear(inspector: Inspector, visit: Visit) -> None:
    """Folded frames open with Enter; lists, tables and headings say what they are."""
    send(inspector, a_payment_that_failed())
    page = visit(inspector.url)
    frames = exception(page).get_by_role("list", name="Frames of CheckoutError, newest first")
    expect(frames).to_be_visible()
    expect(frames.get_by_role("table", name="Local variables of checkout")).to_be_visible()
    expect(exception(page).get_by_role("heading", level=3)).to_have_count(6)

    fold = frames.locator("summary", has_text="2 frames of libraries")
    expect(frames.get_by_text("get_response", exact=True)).to_have_count(0)
    fold.focus()
    page.keyboard.press("Enter")
    expect(frames.get_by_text("get_response", exact=True)).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(frames.get_by_text("return view_inside()")).to_be_visible()


def test_what_our_own_client_reports_is_shown(inspector: Inspector, visit: Visit) -> None:
    """An exception raised here, from another one in a library, is shown to the line and value."""
    with Client("phc_test", host=inspector.url, capture_exception_code_variables=True) as client:
        try:
            read_order("{", headers={"Cookie": "session=1"}, retries=[1, 2])
        except LookupError as error:
            client.capture_exception(error, "ada")

    page = visit(inspector.url)

    expect(page.locator("#rows li").first).to_contain_text("in read_order")
    variables = exception(page).get_by_role("table", name="Local variables of read_order").first
    shown = dict(row.split("\t") for row in variables.inner_text().splitlines())
    assert shown["order"] == "{"
    assert shown["retries"] == "[1,2]"
    assert shown["headers"] == '{"Cookie":"masked"}'

    links = exception(page).locator(".link")
    expect(links).to_have_count(2)
    expect(links.nth(0).get_by_role("heading")).to_contain_text("LookupError")
    expect(links.nth(0).locator(".line.here").first).to_contain_text(
        "raise LookupError(msg) from error"
    )
    expect(links.nth(1).locator(".relation")).to_have_text("caused by")
    expect(links.nth(1).get_by_role("heading")).to_contain_text("json.decoder.JSONDecodeError")
    expect(links.nth(1).locator(".fold")).to_contain_text("raised in JSONDecoder.raw_decode")
    expect(links.nth(1).locator(".line.here")).to_contain_text("json.loads(order)")


def read_order(order: str, headers: dict[str, str], retries: list[int]) -> object:
    """Fail to read *order*."""
    try:
        return json.loads(order)
    except ValueError as error:
        msg = f"{len(headers)} header(s), {len(retries)} retries: the order cannot be read"
        raise LookupError(msg) from error


def test_a_traceback_is_copied_as_python_writes_it(
    inspector: Inspector, visit: Visit, browser: BrowserContext
) -> None:
    """The root cause comes first, and the newest call last."""
    browser.grant_permissions(["clipboard-read", "clipboard-write"])
    cause = an_entry(
        "KeyError", "'price'\nof a book", type="chained", source="cause", exception_id=1
    )
    error = an_entry(
        "PriceError",
        "no price",
        a_frame("buy", "shop/views.py:3", "charge(book)"),
        a_frame("charge", "shop/bank.py:7", "raise PriceError"),
        exception_id=0,
    )
    send(inspector, [{**error, "module": "shop.bank"}, cause])
    page = visit(inspector.url)

    page.get_by_role("button", name="Copy traceback").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").splitlines() == [
        "KeyError: 'price'",
        "of a book",
        "",
        "The above exception was the direct cause of the following exception:",
        "",
        "Traceback (most recent call last):",
        '  File "/srv/shop/views.py", line 3, in buy',
        "    charge(book)",
        '  File "/srv/shop/bank.py", line 7, in charge',
        "    raise PriceError",
        "shop.bank.PriceError: no price",
    ]


MARKUP = "<img src=x onerror=alert(1)>"
ODD = {"toString": 1, "valueOf": 1, "__proto__": {"type": "polluted"}}

HOSTILE = [
    [MARKUP, None, 7, [], {}],
    [{"type": MARKUP, "value": MARKUP, "module": MARKUP}],
    [{"type": ODD, "value": ODD, "module": 1.0, "mechanism": [], "stacktrace": {"frames": "no"}}],
    [{"type": "A", "mechanism": {"exception_id": ODD, "parent_id": ODD, "source": ODD}}] * 3,
    [{"type": "A", "mechanism": {"exception_id": 0, "parent_id": 0, "source": "member"}}] * 300,
    [an_entry("A", "many", *[a_frame("again", "a.py:1", "again()")] * 3000)],
    [an_entry("A", "none of it", {"lineno": MARKUP, "function": ODD, "in_app": "no"}, {})],
    [
        an_entry(
            "A",
            "all of it",
            a_frame(
                MARKUP,
                "a.py:9007199254740993",
                MARKUP,
                pre_context=[ODD, None] * 500,
                post_context=MARKUP,
                abs_path=[MARKUP],
                code_variables={MARKUP: MARKUP, "odd": ODD, "long": "x" * 100_000},
            ),
        )
    ],
]


def test_whatever_is_sent_is_shown_as_text(inspector: Inspector, visit: Visit) -> None:
    """Odd, huge and malicious exceptions make no markup, no error and no endless page."""
    for number, sent in enumerate(HOSTILE):
        send(
            inspector,
            sent,
            **{"number": number, "$exception_level": MARKUP, "$exception_source": ODD},
            **{"$suppressed_count": MARKUP, "$request_method": ODD, "$request_path": MARKUP},
        )
    page = visit(inspector.url)
    page.evaluate("addEventListener('unhandledrejection', (one) => console.error(one.reason))")

    for number in reversed(range(len(HOSTILE))):
        shown = page.locator("#detail").get_by_label("Properties")
        expect(shown.locator("td")).to_have_text(str(number))
        expect(page.get_by_role("heading", level=3).first).to_be_visible()
        for summary in page.locator(".frames > li > details > summary").all()[:5]:
            summary.click()
        assert page.locator("#detail img").count() == 0
        assert page.locator("#detail *").count() < 5000
        page.keyboard.press("j")


def exception(page: Page) -> Locator:
    """Return where the exception is shown."""
    return page.get_by_role("region", name="Exception")


def words(shown: Locator) -> list[str]:
    """Return what can be read in *shown*, in its order."""
    expect(shown).to_be_visible()
    return words_of(shown.inner_text())


def words_of(text: str) -> list[str]:
    """Return the words of *text*, however they are set."""
    return text.split()
