"""The application in Flask."""

from __future__ import annotations

from typing import Any

from flask import Flask

from posthog_web.flask import FlaskPosthog, request
from tests.process.matrix.applications.captures import capture, capture_at_import

app = Flask(__name__)
posthog = FlaskPosthog(app)
loaded = capture_at_import()


@app.get("/")
def index() -> dict[str, Any]:
    """Capture."""
    return {**capture(request.posthog), "loaded": loaded}
