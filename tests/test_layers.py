"""Imports go one way: down, and never round in a circle."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import posthog_web

# From top to bottom. A part (a module or a package right below posthog_web; `__init__` is the
# public door itself) may import what stands on a line below its own. Parts with a comma between
# them may also import each other; parts with a bar between them are blind to each other.
LAYERS = """
__main__
pytest_plugin
__init__
django | flask | asgi | testing | inspector | logging
_web
_client
_delivery | _flags | _exceptions
_runtime
_events, _serialization, _scope, _values, _identifiers, _moments
_config
_log, _guard, _own_work, errors, typing
"""

# Narrower than its line allows: the door opens to the client, not to a framework; the inspector
# works without the rest of the package.
NOT_BY = {
    "__init__": {"django", "flask", "asgi", "testing", "inspector", "logging", "_web"},
    "inspector": set(LAYERS.replace(",", " ").replace("|", " ").split()),
}

PACKAGE = Path(posthog_web.__file__).parent

Graph = Mapping[str, set[str]]


def read_layers(text: str) -> tuple[dict[str, int], dict[str, bool]]:
    """Return each part's line (0 is the top), and whether it sees its neighbours."""
    depth: dict[str, int] = {}
    sees: dict[str, bool] = {}
    for number, line in enumerate(text.strip().splitlines()):
        for part in line.replace("|", ",").split(","):
            depth[part.strip()] = number
            sees[part.strip()] = "|" not in line
    return depth, sees


def part_of(module: str) -> str:
    """Return the part a module belongs to: `_delivery` for posthog_web._delivery.buffer."""
    return module.split(".")[1] if "." in module else "__init__"


def find_wrong_arrow(source: str, target: str) -> str | None:
    """Return what is wrong with *source* importing *target*, or None."""
    depth, sees = read_layers(LAYERS)
    above, below = part_of(source), part_of(target)
    for module, part in ((source, above), (target, below)):
        if part not in depth:
            return f"{module}: give {part} its line in LAYERS, in tests/test_layers.py"
    if above == below:
        return None
    if depth[below] < depth[above]:
        return f"{source} imports {target}, which is above it"
    if depth[below] == depth[above] and not sees[above]:
        return f"{source} imports {target}: these two must not know each other"
    if below in NOT_BY.get(above, ()):
        return f"{source} imports {target}: {above} must not know {below}"
    return None


def read_graph(package: Path) -> dict[str, set[str]]:
    """Return which modules of *package* each of its modules imports, anywhere in its text."""
    modules = {_name_of(path, package): path for path in package.rglob("*.py")}
    return {name: set(_imports(name, path, modules)) for name, path in sorted(modules.items())}


def _name_of(path: Path, package: Path) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(name: str, path: Path, modules: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, name, is_package=path.name == "__init__.py")
            wanted = [
                submodule if (submodule := f"{base}.{alias.name}") in modules else base
                for alias in node.names
            ]
        else:
            continue
        yield from (module for module in wanted if module in modules)


def _base(node: ast.ImportFrom, name: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    up = node.level - is_package
    return ".".join([*parts[: len(parts) - up], *filter(None, [node.module])])


def find_circle(graph: Graph) -> list[str]:
    """Return the modules of one circle, each importing the next, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]
    return []


def test_every_module_has_its_line() -> None:
    """A new module or package is placed in LAYERS before it is used."""
    depth, _ = read_layers(LAYERS)

    lost = sorted({part_of(module) for module in read_graph(PACKAGE)} - depth.keys())

    assert not lost, f"give {', '.join(lost)} a line in LAYERS, in tests/test_layers.py"


def test_imports_go_down() -> None:
    """No module imports from a line above its own, nor from a neighbour it must not know."""
    arrows = ((source, target) for source, seen in read_graph(PACKAGE).items() for target in seen)

    wrong = sorted(filter(None, (find_wrong_arrow(source, target) for source, target in arrows)))

    assert not wrong, "\n".join(wrong)


def test_imports_do_not_go_round_in_circles() -> None:
    """Following imports never leads back to where one started."""
    circle = find_circle(read_graph(PACKAGE))

    assert not circle, " -> ".join(circle)


@pytest.mark.parametrize(
    ("source", "target", "fault"),
    [
        ("_client.core", "_delivery.worker", None),
        ("_delivery.worker", "_delivery.buffer", None),
        ("_events", "_scope", None),
        ("_delivery.worker", "_client.core", "is above it"),
        ("_delivery.worker", "_exceptions", "must not know each other"),
        ("flask", "django.middleware", "must not know each other"),
        ("inspector.app", "errors", "must not know"),
        ("_client", "_newcomer", "give _newcomer its line"),
    ],
)
def test_the_arrows_are_judged(source: str, target: str, fault: str | None) -> None:
    """Down is right, within a part too; up, sideways between the blind and unknown are wrong."""
    found = find_wrong_arrow(f"posthog_web.{source}", f"posthog_web.{target}")

    assert (found is None) if fault is None else (found is not None and fault in found)


def test_the_door_is_above_the_client_and_below_nothing_it_opens() -> None:
    """posthog_web itself may import the client, and the client may not import posthog_web."""
    assert find_wrong_arrow("posthog_web", "posthog_web._client") is None
    assert find_wrong_arrow("posthog_web._client", "posthog_web") is not None
    assert find_wrong_arrow("posthog_web", "posthog_web.django") is not None


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """In functions, for types only, relative and of names: each is an arrow."""
    package = tmp_path / "thing"
    package.joinpath("deep").mkdir(parents=True)
    texts = {
        "__init__.py": "from .a import name",
        "a.py": "def late():\n    import thing.b",
        "b.py": "if TYPE_CHECKING:\n    from thing import c",
        "c.py": "from thing.deep.d import name",
        "deep/__init__.py": "from . import d",
        "deep/d.py": "from ..a import name\nimport os",
    }
    for path, text in texts.items():
        package.joinpath(path).write_text(text)

    graph = read_graph(package)

    assert graph == {
        "thing": {"thing.a"},
        "thing.a": {"thing.b"},
        "thing.b": {"thing.c"},
        "thing.c": {"thing.deep.d"},
        "thing.deep": {"thing.deep.d"},
        "thing.deep.d": {"thing.a"},
    }
    assert set(find_circle(graph)) == {"thing.a", "thing.b", "thing.c", "thing.deep.d"}
