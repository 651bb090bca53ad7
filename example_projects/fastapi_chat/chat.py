"""A chat in FastAPI, and what it tells PostHog."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Form, HTTPException, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from identity import CookieBackend
from rooms import ROOMS, Message, Room
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.sessions import SessionMiddleware

from posthog_web.asgi import (
    PosthogMiddleware,
    Request,
    RequestPosthog,
    WebSocket,
    get_posthog,
)

HERE = Path(__file__).parent
# The inspector's address: `python -m posthog_web inspector`.
POSTHOG_HOST = os.environ.get("POSTHOG_HOST", "http://127.0.0.1:8765")

app = FastAPI(title="Chat")
app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
app.add_middleware(AuthenticationMiddleware, backend=CookieBackend())
app.add_middleware(
    SessionMiddleware,
    secret_key=os.environ.get("CHAT_SECRET_KEY", "good enough for a desk"),
    session_cookie="chat",
)
# Added last, it stands outermost: it sees every error, and the user once the others have run.
app.add_middleware(
    PosthogMiddleware,
    project_api_key=os.environ.get("POSTHOG_PROJECT_API_KEY", "phc_demo"),
    host=POSTHOG_HOST,
    super_properties={"app": "fastapi_chat"},
)

templates = Jinja2Templates(directory=HERE / "templates")
templates.env.globals["inspector"] = POSTHOG_HOST

Posthog = Annotated[RequestPosthog, Depends(get_posthog)]


def find_room(name: str) -> Room:
    """Return the room; there is no page for one that does not exist."""
    if name not in ROOMS:
        raise HTTPException(404, "There is no such room.")
    return ROOMS[name]


@app.get("/")
async def lobby(request: Request) -> Response:
    """Show the rooms, or ask who is there."""
    page = "rooms.html" if request.user.is_authenticated else "sign_in.html"
    return templates.TemplateResponse(request, page, {"rooms": ROOMS.values()})


@app.post("/sign-in")
async def sign_in(request: Request, name: Annotated[str, Form(pattern=r"^\w{1,30}$")]) -> Response:
    """Sign in. The user of this request is still nobody, so it says who has come."""
    request.session["name"] = name
    request.posthog.identify(name, {"name": name.title()})
    request.posthog.capture("signed in")
    return RedirectResponse("/", status_code=303)


@app.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """Say goodbye."""
    request.session.clear()
    return RedirectResponse("/", status_code=303)


@app.get("/rooms/{name}")
async def enter(
    request: Request, room: Annotated[Room, Depends(find_room)], posthog: Posthog
) -> Response:
    """Show a room."""
    if not request.user.is_authenticated:
        return RedirectResponse("/", status_code=303)
    posthog.capture("room entered", {"room": room.name})
    return templates.TemplateResponse(request, "room.html", {"room": room})


@app.websocket("/rooms/{name}/talk")
async def talk(websocket: WebSocket, room: Annotated[Room, Depends(find_room)]) -> None:
    """Pass on what is said; PostHog learns how long it is, not what it says."""
    if not websocket.user.is_authenticated:
        await websocket.close()
        return
    await websocket.accept()
    room.present.append(websocket.send_json)
    try:
        async for text in websocket.iter_text():
            await room.say(Message(websocket.user.username, text[:1000]))
            websocket.posthog.capture("message sent", {"room": room.name, "characters": len(text)})
    finally:
        room.present.remove(websocket.send_json)


@app.get("/api/rooms/{name}")
async def describe(
    room: Annotated[Room, Depends(find_room)], posthog: Posthog
) -> dict[str, str | int]:
    """Return a room as JSON."""
    posthog.capture("room described", {"room": room.name})
    return {"name": room.name, "topic": room.topic, "messages": len(room.messages)}


@app.get("/api/rooms/{name}/average")
async def average(room: Annotated[Room, Depends(find_room)]) -> dict[str, float]:
    """Return how long the messages of a room are, on average."""
    return {"words": room.average_length()}
