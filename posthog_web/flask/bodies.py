"""What is called after Flask has let go of a request: a streamed body, and what closes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from werkzeug.wsgi import ClosingIterator

from posthog_web._guard import safely
from posthog_web._web.body import Body, Passage
from posthog_web.flask.context import current_request

if TYPE_CHECKING:
    from flask import Response

    from posthog_web.flask.serving import Serving


class _PassageUntilClosed(Passage):
    """A passage that ends when the response was closed: the functions that close it may capture."""

    __slots__ = ()

    def end(self) -> None:
        """Conclude the request with its last chunk; what closes the response is still to come."""
        self._lifetime.conclude()

    def finish(self) -> None:
        """End the passage, as the last of the functions that close the response."""
        super().end()


@safely
def bind_body(response: Response, serving: Serving, source: str) -> None:
    """Let the body, and what closes it, run inside the request when Flask's context is gone.

    Whom a stream is about is found out now: later that would need a context of its own, and what
    the application does at the end of one. What passes through directly, such as a file, is the
    server's, and is left alone.

    Args:
        response: The response, complete.
        serving: Its request.
        source: What failures give as their source.
    """
    whole = serving.refused and isinstance(response.response, ClosingIterator)
    streams = response.is_streamed and not whole
    closers: list[Any] = vars(response).get("_on_close", [])
    if response.direct_passthrough or not (streams or closers):
        return
    if streams:
        serving.lifetime.scope.hold()
    # Read now: the server may have changed the environ by then.
    _ = serving.lifetime.scope.info
    passage = _PassageUntilClosed(serving.lifetime, source, keep=current_request())
    serving.lifetime.streams = streams
    serving.goes_on = True
    closers[:] = [*(passage.bind(closer) for closer in closers), passage.finish]
    if streams:
        response.response = Body(response.response, passage)
