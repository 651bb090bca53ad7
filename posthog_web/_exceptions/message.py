"""What an exception is called and what it says, as text, whatever its class does.

Nothing here trusts an object: attributes that Python itself keeps are read past what a class may
have put in their place, and text is copied into ``str`` proper, as a subclass may lie about itself.
"""

from __future__ import annotations

from typing import Any

from posthog_web._exceptions.anatomy import module_of, qualname_of
from posthog_web._exceptions.masking import MARGIN, mask_text

# PostHog cuts a value here.
MAX_MESSAGE = 10_000
MAX_NOTES = 20
MAX_NAME = 500


def text_of(thing: object, most: int = MAX_MESSAGE) -> str:
    """Return *thing* as text of at most *most* characters, whatever its ``__str__`` does.

    What is secret in it is masked.
    """
    for write in (str, repr):
        try:
            return mask_text(str.__getitem__(write(thing), slice(most + MARGIN)), most)
        except Exception:  # noqa: BLE001, S112 - somebody else's code; the next way is tried
            continue
    return f"<unprintable {type_name(type(thing))}>"


def message_of(error: BaseException, most: int = MAX_MESSAGE) -> str:
    """Return what *error* says, with its notes below, as in a traceback (PEP 678)."""
    message = text_of(error, most)
    for note in _notes_of(error)[:MAX_NOTES]:
        if len(message) >= most:
            break
        message += f"\n{text_of(note, most)}"
    return message[:most]


def _notes_of(error: BaseException) -> list[Any] | tuple[Any, ...]:
    try:
        notes = error.__notes__
        # A copy: another thread may add one.
        return notes[:] if type(notes) in {list, tuple} else ()
    except Exception:  # noqa: BLE001 - there are none, or a __getattr__ raises anything
        return ()


def type_name(kind: type) -> str:
    """Return the name of a class, never empty."""
    return _exact(qualname_of(kind)) or "Exception"


def module_name(kind: type) -> str | None:
    """Return the module of a class; None for what is built in, and where it is not known."""
    try:
        module = module_of(kind)
    except AttributeError:  # deleted
        return None
    if not issubclass(type(module), str) or module == "builtins":
        return None
    return _exact(module) or None


def name_of(value: object) -> str | None:
    """Return *value* if it is text that can be a name; None otherwise."""
    return _exact(value) or None if issubclass(type(value), str) else None


def _exact(text: Any) -> str:  # noqa: ANN401 - a str, or what derives from it
    return str.__getitem__(text, slice(MAX_NAME))
