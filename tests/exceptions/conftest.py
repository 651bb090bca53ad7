"""What the tests of a client have."""

from tests.client.conftest import _loud, client

__all__ = ["_loud", "client"]
