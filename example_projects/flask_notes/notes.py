"""A notebook in Flask, and what it tells PostHog."""

from __future__ import annotations

import os
from pathlib import Path

from exports import FORMATS
from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, url_for
from flask_login import current_user, login_required, login_user, logout_user
from notebook import Notebook
from people import find_person, sign_ins
from werkzeug.wrappers import Response as AnyResponse

from posthog_web.flask import FlaskPosthog, request

posthog = FlaskPosthog()
pages = Blueprint("notes", __name__)


def create_app(**config: object) -> Flask:
    """Return the application; *config* comes before the environment."""
    app = Flask(__name__)
    app.config.from_mapping(
        POSTHOG_PROJECT_API_KEY=os.environ.get("POSTHOG_PROJECT_API_KEY", "phc_demo"),
        # The inspector's address: `python -m posthog_web inspector`.
        POSTHOG_HOST=os.environ.get("POSTHOG_HOST", "http://127.0.0.1:8765"),
        POSTHOG_SUPER_PROPERTIES={"app": "flask_notes"},
        SECRET_KEY=os.environ.get("NOTES_SECRET_KEY", "good enough for a desk"),
        DATABASE=os.environ.get("NOTES_DATABASE", Path(app.root_path) / "notes.sqlite3"),
        SESSION_COOKIE_NAME="notes",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    app.config.update(config)
    posthog.init_app(app)
    sign_ins.init_app(app)
    app.extensions["notebook"] = Notebook(app.config["DATABASE"])
    app.register_blueprint(pages)
    app.register_error_handler(500, lambda _error: (render_template("error.html"), 500))
    return app


def notebook() -> Notebook:
    """Return the application's notebook."""
    book: Notebook = current_app.extensions["notebook"]
    return book


@pages.get("/")
@login_required
def index() -> str:
    """Show the reader's own notes."""
    return render_template("notes.html", notes=notebook().of(current_user.id))


@pages.post("/notes")
@login_required
def write() -> AnyResponse:
    """Write a note; PostHog learns how long it is, not what it says."""
    text = request.form.get("text", "").strip()
    if text:
        notebook().write(current_user.id, text)
        request.posthog.capture("note written", {"words": len(text.split())})
    return redirect(url_for("notes.index"))


@pages.post("/notes/<int:note_id>/delete")
@login_required
def delete(note_id: int) -> AnyResponse:
    """Delete a note."""
    if not notebook().delete(current_user.id, note_id):
        abort(404)
    request.posthog.capture("note deleted")
    return redirect(url_for("notes.index"))


@pages.get("/export.<extension>")
@login_required
def export(extension: str) -> Response:
    """Return all notes as a file."""
    convert = FORMATS.get(extension) or abort(404)
    content = convert(notebook().of(current_user.id))
    request.posthog.capture("notes exported", {"format": extension})
    return Response(content, mimetype="text/plain")


@pages.get("/sign-in")
def sign_in() -> str:
    """Ask who is there."""
    return render_template("sign_in.html")


@pages.post("/sign-in")
def let_in() -> AnyResponse | tuple[str, int]:
    """Sign in; from here on, the request's events are about who has just come in."""
    person = find_person(request.form.get("name", ""), request.form.get("password", ""))
    if person is None:
        return render_template("sign_in.html", wrong=True), 403
    login_user(person)
    request.posthog.capture("signed in")
    request.posthog.set({"name": person.name})
    return redirect(url_for("notes.index"))


@pages.post("/sign-out")
def sign_out() -> AnyResponse:
    """Say goodbye."""
    logout_user()
    return redirect(url_for("notes.sign_in"))
