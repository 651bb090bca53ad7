"""The sources of options: arguments, settings or module attributes, the environment.

The first source that has a value wins. What is written in code is checked strictly; what stands in
the environment may belong to somebody else (an orchestrator sets ``POSTHOG_*`` of its own), so
there an unknown name is ignored and a bad value is one complaint.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import Field, dataclass, fields
from typing import Any, Generic, TypeVar

from posthog_web._config.kinds import Kind, Unfit
from posthog_web._config.options import ClientOptions, WebOptions
from posthog_web.errors import ConfigurationError

Options = TypeVar("Options", ClientOptions, WebOptions)

ALIASES = {"api_key": "project_api_key"}
PREFIX = "POSTHOG_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved(Generic[Options]):
    """The options in force, and where they came from.

    Attributes:
        options: All of them.
        written: Names that somebody wrote, in any source.
        complaints: A sentence by option, for each bad value in the environment that would count.
    """

    options: Options
    written: frozenset[str]
    complaints: Mapping[str, str]

    def remarks(self, consequences: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield what is to be said of each bad value, after the key it is said once by.

        What becomes of it is in *consequences*, by option; otherwise it is ignored.
        """
        for name, complaint in self.complaints.items():
            consequence = consequences.get(name, "it is ignored")
            yield f"environment:{name}", f"posthog_web: {complaint}; {consequence}"


def names(cls: type[ClientOptions | WebOptions]) -> frozenset[str]:
    """Return the names of all options of *cls*, without aliases."""
    return frozenset(item.name for item in fields(cls))


def check(cls: type[ClientOptions | WebOptions], name: str, value: object) -> Any:  # noqa: ANN401 - any option's value
    """Return *value* as option *name* keeps it, None as the default.

    Raises:
        ConfigurationError: *value* is not what the option takes.
    """
    item = next(item for item in fields(cls) if item.name == name)
    return item.default if value is None else _accept(item, value, label=name)


def resolve(
    cls: type[Options],
    *,
    arguments: Mapping[str, object],
    settings: Mapping[str, object] | None = None,
    settings_label: str = "{name}",
    environ: Mapping[str, str],
) -> Resolved[Options]:
    """Return the options of *cls*: arguments before settings before the environment.

    None means "not given". *settings_label* is how the host framework writes an option, for
    messages: ``POSTHOG["{NAME}"]``.

    Raises:
        ConfigurationError: for an unknown name or a bad value in *arguments* or *settings*.
    """
    known = {item.name: item for item in fields(cls)}
    values, complaints = _from_environment(known, environ)
    for source, label, from_text in (
        (settings or {}, settings_label, True),
        (arguments, "{name}", False),
    ):
        given = _canonical(source, known, label)
        values |= {
            name: _accept(known[name], value, _label(label, name), from_text=from_text)
            for name, value in given.items()
        }
        # Of what is written nearer by, the environment does not count, be it good or bad.
        complaints = {name: said for name, said in complaints.items() if name not in given}
    return Resolved(options=cls(**values), written=frozenset(values), complaints=complaints)


def check_names(source: Iterable[str], label: str) -> None:
    """Refuse a name in *source* that is an option of neither kind.

    Raises:
        ConfigurationError: It names the nearest right one.
    """
    known = {*names(ClientOptions), *names(WebOptions), *ALIASES}
    for name in source:
        if name not in known:
            raise ConfigurationError(_unknown(name, known, label))


def _canonical(source: Mapping[str, object], known: Iterable[str], label: str) -> dict[str, object]:
    """Return what *source* gives by canonical name; the canonical name wins over its alias."""
    given: dict[str, object] = {}
    for name in sorted(source, key=lambda name: name not in ALIASES):
        canonical = ALIASES.get(name, name)
        if canonical not in known:
            raise ConfigurationError(_unknown(name, known, label))
        if source[name] is not None:
            given[canonical] = source[name]
    return given


def _from_environment(
    known: Mapping[str, Field[Any]], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    complaints: dict[str, str] = {}
    for name in (*ALIASES, *known):
        canonical = ALIASES.get(name, name)
        variable = PREFIX + name.upper()
        text = environ.get(variable, "").strip()
        if not text or canonical not in known:
            continue
        kind: Kind = known[canonical].metadata["kind"]
        try:
            values[canonical] = kind.accept(kind.parse(text))
        except Exception as error:  # noqa: BLE001 - values and their methods may be anybody's
            reason = _reason(error)
            complaints[canonical] = f"{variable} must be {kind.expected}{reason}"
    return values, complaints


def _accept(item: Field[Any], value: object, label: str, *, from_text: bool = False) -> Any:  # noqa: ANN401 - any option's value
    kind: Kind = item.metadata["kind"]
    try:
        if from_text and kind.from_text and isinstance(value, str):
            value = kind.parse(value)
        return kind.accept(value)
    except Unfit as error:
        msg = f"{label} must be {kind.expected}{_reason(error)}"
        raise ConfigurationError(msg) from None
    except Exception:  # noqa: BLE001 - values and their methods may be anybody's
        # Text is not quoted: it may be a key in the wrong place.
        quoted = item.repr and type(value) in {bool, int, float}
        shown = repr(value) if quoted else type(value).__name__
        msg = f"{label} must be {kind.expected}, not {shown:.40}"
        raise ConfigurationError(msg) from None


def _reason(error: Exception) -> str:
    """Return why a value is none, after what is expected; other errors may quote the value."""
    return f"; {error}" if isinstance(error, Unfit) and str(error) else ""


def _label(label: str, name: str) -> str:
    return label.format(name=name, NAME=name.upper())


def _unknown(name: str, known: Iterable[str], label: str) -> str:
    if name in names(WebOptions):
        return (
            f"{_label(label, name)} is an option of the adapters for Django, Flask and ASGI, not of"
            " a client"
        )
    near = difflib.get_close_matches(name.lower(), [*known, *ALIASES], n=1, cutoff=0.7)
    hint = f"; did you mean {_label(label, near[0])}?" if near else ""
    return f"posthog_web has no option {_label(label, name)}{hint}"
