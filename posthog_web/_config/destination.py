"""Where events go: which host is meant, and whether a key may be used at all."""

from __future__ import annotations

import re
from dataclasses import dataclass

US_HOST = "https://us.i.posthog.com"
EU_HOST = "https://eu.i.posthog.com"

# Addresses people copy from the browser, and the ones that take events (protocol §1.1).
_INGESTION_HOSTS = {
    "https://app.posthog.com": US_HOST,
    "https://us.posthog.com": US_HOST,
    "https://eu.posthog.com": EU_HOST,
}

_SECRET = re.compile(r"ph[xs]_", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"your|change.?me|placeholder|example|xxx|<|>|\.\.\.|…", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A project key, judged.

    Attributes:
        text: The key as it is sent; empty when it may not be used.
        remark: What is odd about it, in a sentence that does not contain it; empty if nothing.
    """

    text: str
    remark: str = ""


def ingestion_host(host: str | None) -> str:
    """Return the address events are posted to, without a trailing slash."""
    address = (host or "").strip().removesuffix("/")
    return _INGESTION_HOSTS.get(address, address or US_HOST)


def without_credentials(host: str) -> str:
    """Return *host* as it may be shown: without a name and a password before it."""
    scheme, found, rest = host.partition("://")
    return f"{scheme}{found}{rest.rpartition('@')[2]}"


def judge_key(key: str | None) -> Key:
    """Judge *key*: none, a secret by mistake, odd, or good."""
    text = (key or "").strip()
    if not text:
        return Key(text="", remark="there is no project_api_key, so nothing is sent")
    if _SECRET.match(text):
        return Key(
            text="",
            remark="project_api_key is a secret key (phx_ or phs_), which must never be sent with"
            " events, so nothing is sent; use the project's own key, which starts with phc_",
        )
    if not text.startswith("phc_"):
        return Key(
            text=text, remark="project_api_key does not start with phc_; is it the right one?"
        )
    if _PLACEHOLDER.search(text):
        return Key(text=text, remark="project_api_key looks like a placeholder")
    return Key(text=text)
