"""Whose code a frame is, and what its file is called."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest

from posthog_web._exceptions.files import MAX_KNOWN, Files

REPOSITORY = Path(__file__).parents[2]
STDLIB = os.path.dirname(json.__path__[0])  # noqa: PTH120 - as code objects have it


def in_app(root: str, path: str, module: str | None, *modules: str, **names: Any) -> object:
    """Return whether a frame of *path* is in_app; "unknown" where it does not say."""
    namespace = {"__name__": module, **names}
    return Files(root, modules).describe(path, namespace).get("in_app", "unknown")


@pytest.mark.parametrize(
    ("root", "path", "module", "expected"),
    [
        ("/app", "/app/shop/views.py", "shop.views", True),
        ("/app", "/app/src/shop/views.py", "shop.views", True),
        ("/app", "/application/shop/views.py", "shop.views", "unknown"),
        ("/app", "/app", "app", "unknown"),
        ("/", "/app/shop/views.py", "shop.views", True),
        ("", "/app/shop/views.py", "shop.views", "unknown"),
        ("/app", "/app/.venv/lib/python3.12/site-packages/django/urls.py", "django.urls", False),
        ("/app", "/app/env/lib64/python3.12/site-packages/x.py", "x", False),
        ("/app", "/app/venv/lib/python3.13t/threading.py", "threading", False),
        ("/app", "/app/lib/python3.13/rates.py", "rates", True),
        ("/app", "/app/lib/python3.13/site-packages/x.py", "x", False),
        ("", "/lib/python3.13/threading.py", "threading", False),
        ("/app", "/app/.venv/src/rates/rates.py", "rates", False),
        ("/app", "/app/.eggs/rates.egg/rates.py", "rates", False),
        ("/app", "/app/__pypackages__/3.12/lib/flask/app.py", "flask.app", False),
        ("/app", "/usr/lib/python3/dist-packages/django/urls.py", "django.urls", False),
        ("/", "/usr/lib/python3/dist-packages/django/urls.py", "django.urls", False),
        ("/", "/usr/local/lib/python3.12/json/decoder.py", "json.decoder", False),
        ("/app", f"{STDLIB}/json/decoder.py", "json.decoder", False),
        ("/app", "/opt/shared/pricing/rates.py", "pricing.rates", "unknown"),
        ("/app", "/app/proj/../lib/rates.py", "rates", True),
        ("/app", "/app/../etc/rates.py", "rates", "unknown"),
        ("/app", "/app/./rates.py", "rates", True),
        ("/venv/lib/python3.12/site-packages/shop", "/venv/lib/python3.12/site-packages/shop/a.py",
         "shop.a", True),
        ("/srv/lib/python3/app", "/srv/lib/python3/app/main.py", "main", True),
        ("/app", "/app/lib.zip/shop/views.py", "shop.views", True),
        ("/app", "/app/site_packages/views.py", "views", True),
        ("/app", "<frozen importlib._bootstrap>", "importlib._bootstrap", False),
        ("/app", "<string>", "shop", "unknown"),
        ("/app", "", None, "unknown"),
        ("/app", "nowhere/at/all.pyx", "all", "unknown"),
    ],
)  # fmt: skip
def test_where_a_file_lies_says_whose_it_is(
    root: str, path: str, module: str | None, expected: object
) -> None:
    """Code in the project is the application's, a library's is not; the rest is left open."""
    assert in_app(root, path, module) == expected


@pytest.mark.parametrize(
    ("path", "module", "expected"),
    [
        ("/venv/lib/python3.12/site-packages/billing/pay.py", "billing.pay", True),
        ("/venv/lib/python3.12/site-packages/billing/__init__.py", "billing", True),
        ("/venv/lib/python3.12/site-packages/billings/pay.py", "billings.pay", False),
        ("<frozen shop>", "billing", True),
        ("<string>", "billing.generated", True),
    ],
)
def test_listed_modules_are_the_applications_wherever_they_lie(
    path: str, module: str, expected: object
) -> None:
    """in_app_modules names modules, with all below them, and not those that begin alike."""
    assert in_app("/app", path, module, "billing") is expected


@pytest.mark.parametrize(
    ("path", "home", "expected"),
    [
        ("<string>", "/app/shop/models.py", True),
        ("<attrs generated init shop.Order>", "/app/shop/models.py", True),
        ("pandas/_libs/index.pyx", "/venv/lib/python3.12/site-packages/pandas/index.so", False),
        ("src\\fast\\total.pyx", "/app/fast/total.so", True),
        ("<string>", 7, "unknown"),
    ],
)
def test_code_without_a_file_belongs_to_the_module_it_runs_in(
    path: str, home: object, expected: object
) -> None:
    """What is made at run time, or compiled from Cython, is judged by its module's file."""
    assert in_app("/app", path, "any", __file__=home) == expected


def test_a_relative_path_counts_where_there_is_such_a_file() -> None:
    """It is told with its absolute form, and judged by that."""
    with contextlib.chdir(REPOSITORY):
        found = Files(str(REPOSITORY), ()).describe("tests/conftest.py", {})

    assert found["abs_path"] == str(REPOSITORY / "tests/conftest.py")
    assert found["in_app"] is True


def test_what_was_installed_beside_the_code_is_a_library(tmp_path: Path) -> None:
    """A folder that has all, as for AWS Lambda: what an installer recorded is not the project's,
    but for the project itself, and what in_app_modules lists.
    """
    for name, record, origin in [
        ("requests", "requests/api.py,sha256=a,1\nrequests/sub/x.py,,\nsix.py,sha256=a,1\n", None),
        ("fast", "fast.cpython-311-x86_64-linux-gnu.so,sha256=a,1\n../../bin/fast,,\n", None),
        ("shop", "shop/views.py,sha256=a,1\n", '{"dir_info": {}, "url": "file:///src"}'),
    ]:
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "RECORD").write_text(record)
        if origin is not None:
            (info / "direct_url.json").write_text(origin)
    (tmp_path / "odd-1.0.dist-info").mkdir()
    root = str(tmp_path)

    def verdict(path: str, module: str, *modules: str) -> object:
        return in_app(root, f"{root}/{path}", module, *modules)

    assert verdict("requests/api.py", "requests.api") is False
    assert verdict("requests/__init__.py", "requests") is False
    assert verdict("requests/sub/__init__.py", "requests.sub") is False
    assert verdict("six.py", "six") is False
    assert verdict("requests/api.py", "requests.api", "requests") is True
    assert verdict("shop/views.py", "shop.views") is True
    assert verdict("handler.py", "handler") is True
    assert verdict("src/requests/api.py", "requests.api") is True
    assert verdict("fast.pyx", "fast") is False
    assert in_app(f"{root}/requests", f"{root}/requests/api.py", "requests.api") is True


def test_symbolic_links_lead_to_the_same_project(tmp_path: Path) -> None:
    """A release is the project by its own name and by that of a link to it, in either direction."""
    release = tmp_path / "releases" / "42"
    release.mkdir(parents=True)
    current = tmp_path / "current"
    current.symlink_to(release)
    module = release / "shop.py"
    module.touch()

    for root, path in [(release, current / "shop.py"), (current, module)]:
        assert in_app(str(root), str(path), "shop") is True


@pytest.mark.parametrize(
    ("path", "module", "names", "expected"),
    [
        ("/app/shop/views.py", "shop.views", {}, "shop/views.py"),
        ("/app/shop/__init__.py", "shop", {}, "shop/__init__.py"),
        ("/app/company/billing/pay.py", "company.billing.pay", {}, "company/billing/pay.py"),
        ("/app/lib.zip/company/pay.py", "company.pay", {}, "company/pay.py"),
        ("/app/manage.py", "__main__", {}, "manage.py"),
        ("/app/manage.py", None, {}, "manage.py"),
        ("/app/templates/cart.html", "shop.views", {}, "cart.html"),
        ("C:\\app\\shop\\views.py", "shop.views", {}, "shop/views.py"),
        ("pandas/_libs/index.pyx", "pandas._libs.index", {}, "pandas/_libs/index.pyx"),
        ("/a.py", "b.c.a", {}, "/a.py"),
        ("<string>", "shop.views", {}, "<string>"),
        ("", "shop", {}, "<unknown>"),
        ("/app/shop/__main__.py", "__main__", {"__spec__": "odd"}, "__main__.py"),
    ],
)  # fmt: skip
def test_a_file_is_called_by_its_place_in_the_package(
    path: str, module: str | None, names: dict[str, Any], expected: str
) -> None:
    """The name begins with the top-level package; what is in no package has its own name only."""
    described = Files("/app", ()).describe(path, {"__name__": module, **names})

    assert described["filename"] == expected


def test_what_is_known_of_files_is_bounded() -> None:
    """Names that are made up for each request do not pile up."""
    files = Files("/app", ())
    for number in range(MAX_KNOWN + 10):
        files.describe(f"<template {number}>", {})

    assert len(files._known) == 10


START = """
from shop.entry import run
from shop.report import report

try:
    run()
except ZeroDivisionError:
    report()
"""

# Each calls the next; the last one fails.
SOURCES = {
    "project/src/shop/__init__.py": "",
    "project/src/shop/__main__.py": "from shop.report import report\nreport('by its name')",
    "project/src/shop/report.py": """
import json
from posthog_web import Client
from posthog_web.testing import record_events

def report(message=None):
    with record_events() as events:
        Client("phc_test").capture_exception(message)
    print(json.dumps(events[0].properties["$exception_list"][0]["stacktrace"]["frames"]))
""",
    "project/src/shop/entry.py": """
import thirdparty

def run():
    from company.billing import pay
    thirdparty.call(pay.pay)
""",
    "project/src/company/billing/pay.py": """
import editable_library
import json

def pay():
    json.loads("{}", object_hook=lambda _: editable_library.call(divide))

def divide():
    eval("1 / 0")
""",
    "elsewhere/src/editable_library.py": "def call(this): return this()",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay out a project with sources in src, a virtual environment inside, a library elsewhere."""
    base = tmp_path_factory.mktemp("layout")
    for name, text in SOURCES.items():
        file = base / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    environment = base / "project" / "environment"  # no name that says what it is
    venv.create(environment, symlinks=True)
    packages = environment / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    (packages / "thirdparty.py").write_text("def call(this): return this()")
    # As an editable install does; the last ones are what this package needs.
    roads = [
        base / "project/src",
        base / "elsewhere/src",
        REPOSITORY,
        sysconfig.get_path("purelib"),
    ]
    (packages / "roads.pth").write_text("\n".join(map(str, roads)))
    (environment / "bin" / "serve").write_text(START)
    return base / "project"


def frames_of(project: Path, *arguments: str) -> list[tuple[str, object]]:
    """Run a program with the project's own Python; return what it reports of its frames."""
    done = subprocess.run(
        [str(project / "environment/bin/python"), *arguments],
        cwd=project,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    return [
        (frame["filename"], frame.get("in_app", "unknown")) for frame in json.loads(done.stdout)
    ]


def test_a_real_project_is_told_from_what_it_uses(project: Path) -> None:
    """The frames of a program that fails in the midst of libraries, as its own Python runs it."""
    assert frames_of(project, "environment/bin/serve") == [
        ("serve", False),
        ("shop/entry.py", True),
        ("thirdparty.py", False),
        ("company/billing/pay.py", True),
        ("json/__init__.py", False),
        ("json/decoder.py", False),
        ("json/decoder.py", False),
        ("company/billing/pay.py", True),
        ("editable_library.py", "unknown"),
        ("company/billing/pay.py", True),
        ("<string>", True),
    ]


def test_a_package_that_is_run_is_called_by_its_name(project: Path) -> None:
    """Started with -m, a package's file is more than __main__.py; what starts it is Python's."""
    assert frames_of(project, "-m", "shop") == [
        ("<frozen runpy>", False),
        ("<frozen runpy>", False),
        ("shop/__main__.py", True),
        ("shop/report.py", True),
    ]
