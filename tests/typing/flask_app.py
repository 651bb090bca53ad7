"""An application in Flask as users write it, for the type checkers. Never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

from flask import Flask

from posthog_web import Client
from posthog_web.flask import FlaskPosthog, request

posthog = FlaskPosthog()


def create_app() -> Flask:
    """Make the application, the extension with it."""
    app = Flask(__name__)
    app.config["POSTHOG_PROJECT_API_KEY"] = "phc_key"
    posthog.init_app(app)
    return app


app = create_app()
FlaskPosthog(app, project_api_key="phc_key", trust_client_ids=False)
FlaskPosthog(client=Client("phc_key"))


@app.get("/notes/<int:number>")
def show(number: int) -> str:
    """Capture on Flask's own request, which keeps all it has."""
    assert_type(request.posthog.capture("note seen", {"number": number}), str | None)
    request.posthog.identify("user-1", {"plan": "pro"})
    request.posthog.group("company", "acme")
    request.posthog.tag("kind", "note")
    assert_type(request.posthog.distinct_id, str | None)
    assert_type(request.path, str)
    return request.args.get("format", "text")


@app.post("/notes")
async def add() -> dict[str, str | None]:
    """Capture in a coroutine."""
    return {"event": request.posthog.capture("note added", disable_geoip=False)}


def mistaken() -> None:
    """Call what is refused: the person is the request's own, and options have names and types."""
    request.posthog.capture("user-1", "note seen")  # type: ignore[arg-type]
    FlaskPosthog(project_api_key="phc_key", trusted_proxies=1, project_root=Path())
    FlaskPosthog(hots="https://eu.i.posthog.com")  # type: ignore[call-arg]
    FlaskPosthog(excluded_paths=7)  # type: ignore[arg-type]
