"""Templates as the frameworks write them, and what paths of them look like."""

from __future__ import annotations

import pytest
from django.urls.converters import get_converters
from hypothesis import given
from hypothesis import strategies as st

from posthog_web._web.paths import Route, split_secrets
from posthog_web.asgi.routes import shape_of as shape_of_starlette
from posthog_web.django.routes import shape_of as shape_of_django
from posthog_web.flask.routes import shape_of as shape_of_flask


@pytest.mark.parametrize(
    ("route", "template"),
    [
        ("", "/"),
        ("items/<int:number>/", "/items/<int:number>/"),
        ("items/<number>", "/items/<number>"),
        (r"^items/(?P<year>[0-9]{4})/$", "/items/<year>/"),
        (r"^items/(?P<year>\d{4})/(?P<month>(?:0|1)[0-9])/\Z", "/items/<year>/<month>/"),
        (r"api/<version>/items/(?P<pk>[^/.]+)/$", "/api/<version>/items/<pk>/"),
        (r"^items/([0-9]+)/$", "/items/<var>/"),
        (r"^items(?:/page-(?P<page>\d+))?/?$", "/items/page-<page>/"),
        (r"^(?i)items\.(?P<kind>json|xml)$", "/items.<kind>"),
        (r"^items/(?!old)(?P<slug>[\w()-]+)/?$", "/items/<slug>/"),
        (r"^items/\d+/[a-z]{2,3}/.*$", "/items/<var>/<var>/<var>"),
        (r"^((?P<a>x)(y))z$", "/<var>z"),
        (r"^unbalanced\)(", "/unbalanced)<var>"),
        (r"^)))$", "/"),
    ],
)
def test_a_route_of_django_is_readable(route: str, template: str) -> None:
    """Parameters of path() stay as they are written; a regular expression shows its names."""
    assert shape_of_django(route).template == template


@pytest.mark.parametrize(
    ("route", "path", "shown"),
    [
        ("reset/<token>/", "/reset/abc/", "/reset/<token>/"),
        ("a.b/<path:rest>/<token>", "/a.b/c/d/abc", "/a.b/c/d/<token>"),
        (r"^re/(?P<token>[0-9a-z]+)-(?P<pk>\d+)\.html$", "/re/a-7.html", "/re/<token>-7.html"),
        (r"x/<int:pk>/reset/(?P<token>(?:a|b)+)/$", "/x/7/reset/abab/", "/x/7/reset/<token>/"),
        (r"^(?i)reset/(?P<token>[a-z]+)$", "/RESET/ABC", "/RESET/<token>"),
        (r"^r/(?P<token>[a-z]+)/(?P=token)$", "/r/a/a", "/r/<token>/<var>"),
    ],
)
def test_secrets_are_found_in_paths_of_django(route: str, path: str, shown: str) -> None:
    """The place of a secret is told by both kinds of pattern, alone and joined."""
    assert get_converters()
    assert "".join(split_secrets(path, Route(shape=shape_of_django(route)))) == shown


@pytest.mark.parametrize(
    ("rule", "path", "shown"),
    [
        ("/reset/<token>/", "/reset/abc", "/reset/<token>"),
        ("/reset/<string(length=3):token>.html", "/reset/abc.html", "/reset/<token>.html"),
        ("/a.b|c/<any(x, y):key>", "/a.b|c/x", "/a.b|c/<key>"),
        ("/<path:rest>/<token>", "/a/b/c", "/a/b/<token>"),
    ],
)
def test_secrets_are_found_in_paths_of_flask(rule: str, path: str, shown: str) -> None:
    """The place of a secret is told by the rule and its converters."""
    shape = shape_of_flask(rule, (("rest", "[^/].*?"),))

    assert shape.template == rule
    assert "".join(split_secrets(path, Route(shape=shape))) == shown


@pytest.mark.parametrize(
    ("template", "path", "shown"),
    [
        ("/reset/{token}/", "/reset/abc", "/reset/<token>"),
        ("/reset/{token:str}.html", "/reset/abc.html", "/reset/<token>.html"),
        ("/a.b/{rest:path}/{key}", "/a.b/c/d", "/a.b/c/<key>"),
        ("/{n:int}/{code:unheard_of}", "/7/x", "/7/<code>"),
    ],
)
def test_secrets_are_found_in_paths_of_starlette(template: str, path: str, shown: str) -> None:
    """The place of a secret is told by the template and Starlette's convertors."""
    shape = shape_of_starlette(template)

    assert shape.template == template
    assert "".join(split_secrets(path, Route(shape=shape))) == shown


SEGMENT = st.text(st.characters(exclude_characters="/\n"), min_size=1)


@given(name=SEGMENT, token=SEGMENT)
def test_any_secret_is_hidden_and_nothing_else(name: str, token: str) -> None:
    """Whatever two segments hold, of the one all is shown and of the other nothing."""
    path, shown = f"/a.b/{name}/reset/{token}/c", f"/a.b/{name}/reset/<token>/c"
    shapes = (
        shape_of_django("a.b/<name>/reset/<token>/c"),
        shape_of_django(r"^a\.b/(?P<name>[^/]+)/reset/(?P<token>[^/]+)/c$"),
        shape_of_flask("/a.b/<name>/reset/<token>/c", ()),
        shape_of_starlette("/a.b/{name}/reset/{token}/c"),
    )

    for shape in shapes:
        assert "".join(split_secrets(path, Route(shape=shape))) == shown
