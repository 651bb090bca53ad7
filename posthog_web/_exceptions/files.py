"""What all frames of a file have in common: its names, and whether the code is the application's.

A client remembers it by name, so that files are looked at once, and no code is kept alive.
"""

from __future__ import annotations

import linecache
import os
import re
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from posthog_web._exceptions.distributions import read_installed
from posthog_web._exceptions.message import MAX_NAME, name_of

# Names that are made up, as in templates compiled for one request, must not pile up.
MAX_KNOWN = 4096
MAX_FOLDERS = 64

_CASE = re.IGNORECASE if os.name == "nt" else 0
_LIBRARIES = re.compile(
    r"[/\\](?:site-packages|dist-packages|__pypackages__|\.(?:venv|eggs|tox|nox))[/\\]", _CASE
)
# Of an installation of Python, which has a folder of its own. Right below the project it is a name
# like any other.
_STANDARD_LIBRARY = re.compile(r"[/\\]lib(?:64)?[/\\]python\d+(?:\.\d+t?)?[/\\]", _CASE)
_SEPARATORS = re.compile(r"[/\\]")

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OWN = os.path.join(_PACKAGE, "")


class Files:
    """The files a client has met in stacks.

    Whose code it is: what ``in_app_modules`` lists is the application's; what lies where libraries
    lie is not, inside the project too, nor what an installer put there; what else lies in the
    project is. Of the rest nothing is known, and nothing is said.
    """

    __slots__ = ("_installed", "_known", "_libraries", "_modules", "_roots")

    def __init__(self, project_root: str, in_app_modules: tuple[str, ...]) -> None:
        """Judge by *project_root*, absolute or empty, and *in_app_modules*."""
        self._modules = in_app_modules
        self._roots = tuple(_spellings([project_root] if project_root else []))
        # A project may itself lie below one of these, as in /usr/src/app below /usr.
        self._libraries = tuple(
            library
            for library in _spellings(_library_folders())
            if not any(root.startswith(library) for root in self._roots)
        )
        # Of each folder that modules were met in.
        self._installed: dict[str, frozenset[str]] = {}
        self._known: dict[tuple[str, str | None, str | None], dict[str, Any]] = {}

    def describe(self, path: str, namespace: dict[str, Any]) -> dict[str, Any]:
        """Return the fields of a frame of *path* whose globals are *namespace*; not to be changed.

        *path* is a code object's: absolute, or relative to anything, or no path at all.
        """
        # dict.get: exec() takes a subclass of dict, which may do anything when asked.
        module = name_of(dict.get(namespace, "__name__"))
        home = None if os.path.isabs(path) else name_of(dict.get(namespace, "__file__"))
        key = (path, module, home)
        known = self._known.get(key)
        if known is None:
            full = _full_name(module, namespace)
            actual = _absolute(path)
            # Code made at run time, and Cython's, belongs to the module it runs in.
            judged = actual or (_absolute(home) if home else None)
            known = _fields(
                path,
                full,
                abs_path=actual and actual[-MAX_NAME:],
                module=module,
                in_app=self._is_in_app(path, judged, module),
            )
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[key] = known
        return known

    def is_library(self, frame: FrameType) -> bool:
        """Return whether the code of *frame* is known not to be the application's."""
        path = str.__str__(frame.f_code.co_filename)
        return self.describe(path, frame.f_globals).get("in_app") is False

    def describe_mention(self, path: str) -> dict[str, Any]:
        """Return the fields for a file that a text mentions: nothing is looked up anywhere."""
        actual = os.path.normpath(path) if os.path.isabs(path) and "\0" not in path else None
        in_app = None if actual is None else self._judge(actual)
        return _fields(path, None, abs_path=actual and actual[-MAX_NAME:], in_app=in_app)

    def _is_in_app(self, path: str, judged: str | None, module: str | None) -> bool | None:
        if module is not None and any(_is_within(module, listed) for listed in self._modules):
            return True
        if path.startswith("<frozen "):
            return False
        if judged is None:
            return None
        verdict = self._judge(judged)
        if verdict is None:
            verdict = self._judge(_resolved(judged))
        return False if verdict and module and self._is_installed(judged, module) else verdict

    def _is_installed(self, path: str, module: str) -> bool:
        """Return whether an installer put a module of the project's folder there."""
        top, *below = module.split(".")
        folder = os.path.dirname(path)
        # A package is a folder; so is each part of the name but the last.
        for _ in range(len(below) + (_SEPARATORS.split(path)[-1].partition(".")[0] == "__init__")):
            folder = os.path.dirname(folder)
        if not os.path.normcase(os.path.join(folder, "")).startswith(self._roots):
            return False  # somebody chose an installed package for the project
        installed = self._installed.get(folder)
        if installed is None:
            if len(self._installed) >= MAX_FOLDERS:
                self._installed.clear()
            installed = self._installed[folder] = read_installed(folder)
        return top in installed

    def _judge(self, path: str) -> bool | None:
        path = os.path.normcase(path)
        root = next((root for root in self._roots if path.startswith(root)), "")
        # The project's own place may be named like a library's; what matters is what follows.
        below = path[max(len(root) - 1, 0) :]
        standard = _STANDARD_LIBRARY.search(below)
        if _LIBRARIES.search(below) or path.startswith(self._libraries):
            return False
        if standard is not None and (standard.start() > 0 or not root):
            return False
        return True if root else None


def find_root(project_root: str | None) -> str:
    """Return the absolute form of the option of that name; empty where it cannot be told."""
    try:
        return os.path.abspath(project_root or ".")
    except OSError:  # the working directory is gone: a release folder that was removed
        return ""


def _library_folders() -> Iterable[str]:
    """Yield where code lies that is nobody's application."""
    yield _PACKAGE
    yield os.path.dirname(linecache.__file__)  # the standard library, wherever that is
    # What pip makes to start programs with.
    yield os.path.join(sys.prefix, "Scripts" if os.name == "nt" else "bin")
    if sys.prefix != sys.base_prefix:
        yield sys.prefix


def _spellings(folders: Iterable[str]) -> Iterable[str]:
    """Yield each folder with a separator at its end: by its own name, and past symbolic links."""
    for folder in folders:
        names = (os.path.abspath(folder), _resolved(folder)) if os.path.isabs(folder) else ()
        for name in dict.fromkeys(names):
            yield os.path.normcase(os.path.join(name, ""))


def _resolved(path: str) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):
        return path


def _absolute(path: str) -> str | None:
    """Return the absolute form of *path*; None if it is relative and no file is there."""
    if os.path.isabs(path):
        return os.path.normpath(path)
    if not path or path.startswith("<") or not os.path.exists(path):
        return None
    try:
        return os.path.abspath(path)
    except OSError:  # the working directory is gone
        return None


def _is_within(module: str, listed: str) -> bool:
    return module == listed or module.startswith(f"{listed}.")


def _full_name(module: str | None, namespace: dict[str, Any]) -> str | None:
    """Return a module's name, also that of one which was started with ``python -m``."""
    if module != "__main__":
        return module
    try:
        return name_of(getattr(dict.get(namespace, "__spec__"), "name", None))
    except Exception:  # noqa: BLE001 - whatever somebody put there
        return None


def _short_name(path: str, module: str | None) -> str:
    """Return *path* from the folder of the top-level package on; else only its last part."""
    if path.startswith("<"):
        return path
    parts = _SEPARATORS.split(path)
    stem = parts[-1].partition(".")[0]
    names = module.split(".") if module else []
    if stem == "__init__" and names[-1:] != [stem]:
        names.append(stem)
    depth = len(names) if names[-1:] == [stem] else 1
    return "/".join(parts[-depth:])


def _fields(path: str, full_name: str | None, **optional: object) -> dict[str, Any]:
    """Return the fields of *path*, and of the *optional* ones those that are known."""
    return {
        "platform": "python",
        "filename": _short_name(path, full_name)[-MAX_NAME:] or "<unknown>",
        **{key: value for key, value in optional.items() if value is not None},
    }
