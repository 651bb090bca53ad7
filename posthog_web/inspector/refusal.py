"""What the inspector answers when it cannot take a request, in the shape PostHog uses."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 (it is an answer, not a failure of ours)
    """A request that gets an error status, with the body that explains it.

    Attributes:
        status: The HTTP status to answer with.
        code: Short machine-readable reason.
        detail: One sentence for the developer.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail

    def body(self) -> dict[str, str]:
        """Return the JSON body of the answer."""
        return error_body(self.status, self.code, self.detail)


def error_body(status: int, code: str, detail: str) -> dict[str, str]:
    """Return PostHog's error body for *status*."""
    return {"type": _TYPES.get(status, "server_error"), "code": code, "detail": detail}


_TYPES = {
    400: "validation_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request",
    405: "invalid_request",
    413: "validation_error",
    415: "validation_error",
    421: "permission_error",
    429: "throttled_error",
}
