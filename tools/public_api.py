"""Lists what posthog_web offers, a line per public name, so that no change of it goes unseen.

    python tools/public_api.py            prints the list
    python tools/public_api.py --write    renews tests/public_api.txt, which a test compares

A name is public when it is in ``__all__``, or has no underscore in front and is defined by
posthog_web; so is every such member of a public class.
"""

from __future__ import annotations

import importlib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import cast, get_overloads

MODULES = (
    "posthog_web",
    "posthog_web.errors",
    "posthog_web.logging",
    "posthog_web.testing",
    "posthog_web.typing",
)

SNAPSHOT = Path(__file__).resolve().parent.parent / "tests/public_api.txt"

# Where an object lies in memory says nothing about it.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")


def list_names() -> list[str]:
    """Return the list: each public name, what it is, and how it is called."""
    return [
        f"{name}: {line}"
        for name, value, owner in _public()
        for line in _describe(name, value, owner)
    ]


def list_undocumented() -> list[str]:
    """Return the public classes, functions, methods and properties that have no docstring."""
    return [
        name
        for name, value, _ in _public()
        if isinstance(value, type | property | FunctionType | MethodType)
        and not _is_documented(value)
    ]


def _public() -> Iterator[tuple[str, object, object]]:
    """Yield each public name with what it stands for, and the module or class it belongs to."""
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        names = _names_of_module(module)
        for name in names:
            value = getattr(module, name, None)
            yield f"{module_name}.{name}", value, module
            if isinstance(value, type) and _is_ours(value) and value.__name__ == name:
                known = [getattr(module, other, None) for other in names if other != name]
                for member in _names_of_class(value, known):
                    found = inspect.getattr_static(value, member, None)
                    yield f"{module_name}.{name}.{member}", found, value


def _names_of_module(module: ModuleType) -> list[str]:
    declared = {*getattr(module, "__all__", ()), *inspect.get_annotations(module)}
    for name, value in vars(module).items():
        # What a module imports is not its own; a bound method is made for the name it is given.
        is_own = getattr(value, "__module__", None) == module.__name__
        if is_own or (_is_ours(value) and isinstance(value, MethodType)):
            declared.add(name)
    return sorted(name for name in declared if not name.startswith("_"))


def _names_of_class(owner: type, known: Iterable[object]) -> list[str]:
    # What comes from another public class is listed there.
    parents = [one for one in known if isinstance(one, type) and one in owner.__mro__]
    listed = {base for parent in parents for base in parent.__mro__}
    names: set[str] = set()
    for base in owner.__mro__:
        if _is_ours(base) and base not in listed:
            names.update(vars(base), inspect.get_annotations(base))
    return sorted(name for name in names if not name.startswith("_"))


def _is_ours(value: object) -> bool:
    module = getattr(value, "__module__", None)
    return isinstance(module, str) and module.partition(".")[0] == "posthog_web"


def _is_visible(base: type) -> bool:
    if not _is_ours(base):
        return base is not object
    modules = [importlib.import_module(module) for module in MODULES]
    return any(getattr(module, base.__name__, None) is base for module in modules)


def _describe(name: str, value: object, owner: object) -> Iterator[str]:
    is_member = isinstance(owner, type)
    takes_self = is_member and not isinstance(value, staticmethod)
    value = value.__func__ if isinstance(value, staticmethod | classmethod) else value
    if isinstance(value, type):
        yield from _describe_class(name, value)
    elif isinstance(value, FunctionType | MethodType):
        kind = "method" if is_member else "function"
        yield from (f"{kind} {call}" for call in _calls(value, takes_self=takes_self))
    elif isinstance(value, property):
        yield f"property{_result(value)}{'' if value.fset is None else ', may be assigned'}"
    else:
        yield f"attribute{_annotation(owner, name.rpartition('.')[2])}"


def _describe_class(name: str, value: type) -> Iterator[str]:
    if value.__name__ != name.rpartition(".")[2]:
        yield f"the same as {value.__name__}"
        return
    bases = ", ".join(base.__name__ for base in value.__bases__ if _is_visible(base))
    kind = f"class of {bases}" if bases else "class"
    maker = next(base for base in value.__mro__ if "__init__" in vars(base))
    if not _is_ours(maker):
        yield kind
        return
    constructor = vars(maker)["__init__"]
    yield from (f"{kind}, made by {call}" for call in _calls(constructor, takes_self=True))


def _calls(function: FunctionType | MethodType, *, takes_self: bool) -> Iterator[str]:
    overloads = get_overloads(function)
    # A bound method's own signature lacks self already, those of its overloads do not.
    drop = takes_self or (isinstance(function, MethodType) and bool(overloads))
    for one in overloads or [function]:
        signature = inspect.signature(one)
        parameters = [
            parameter.replace(annotation=_bare(parameter.annotation))
            for parameter in signature.parameters.values()
        ]
        plain = signature.replace(
            parameters=parameters[drop:], return_annotation=_bare(signature.return_annotation)
        )
        yield _ADDRESS.sub("", str(plain))


class _Bare(str):
    """An annotation's text, shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _bare(annotation: object) -> object:
    return _Bare(annotation) if isinstance(annotation, str) else annotation


def _result(value: property) -> str:
    result = inspect.get_annotations(value.fget).get("return") if value.fget else None
    return f" -> {result}" if result else ""


def _annotation(owner: object, name: str) -> str:
    places = owner.__mro__ if isinstance(owner, type) else [owner]
    for place in filter(_is_ours, places) if isinstance(owner, type) else places:
        annotation = inspect.get_annotations(cast("type", place)).get(name)
        if annotation:
            # A TypedDict keeps its annotations wrapped.
            return f" of {getattr(annotation, '__forward_arg__', annotation)}"
    return ""


def _is_documented(value: object) -> bool:
    text = inspect.getdoc(value)
    # A dataclass without a docstring gets its signature for one.
    return bool(text) and not (
        isinstance(value, type) and (text or "").startswith(value.__name__ + "(")
    )


def main(arguments: list[str]) -> None:
    """Print the list, or write it."""
    text = "\n".join(list_names()) + "\n"
    if arguments == ["--write"]:
        SNAPSHOT.write_text(text, encoding="utf-8")
    elif arguments:
        sys.exit(f"{__doc__}")
    else:
        print(text, end="")


if __name__ == "__main__":
    main(sys.argv[1:])
