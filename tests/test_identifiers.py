"""Ids: UUIDv7 for events, random ones for nobody."""

from __future__ import annotations

import os
import threading
from uuid import UUID

import pytest

from posthog_web._identifiers import nobody, read_uuid, uuid7


@pytest.mark.spec("SRV-025")
def test_an_id_is_a_uuid7_of_its_moment() -> None:
    """Version, variant and the 48 bits of time are where RFC 9562 puts them."""
    moment = 0x0123456789AB

    for _ in range(1000):
        number = UUID(uuid7(moment))
        assert (number.version, number.variant) == (7, "specified in RFC 4122")
        assert number.int >> 80 == moment


def test_ids_of_all_threads_differ() -> None:
    """Eight threads draw from the same block and never the same id."""
    drawn: list[list[str]] = []

    def draw() -> None:
        drawn.append([uuid7(1) for _ in range(5000)])

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    ids = [number for some in drawn for number in some]
    assert len(ids) == 40_000
    assert len(set(ids)) == len(ids)


def test_a_forked_child_draws_ids_of_its_own() -> None:
    """What was drawn ahead is thrown away in the child, with or without a hook that says so."""
    uuid7(1)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "\n".join(uuid7(1) for _ in range(300)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        theirs = set(pipe.read().split())
    os.waitpid(child, 0)
    ours = {uuid7(1) for _ in range(300)}

    assert len(theirs) == 300
    assert theirs.isdisjoint(ours)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("01890A5D-AC96-774B-BCCE-B302099A8057", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ("01890a5dac96774bbcceb302099a8057", "01890a5d-ac96-774b-bcce-b302099a8057"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("nonsense", None),
        (7, None),
        (None, None),
        (b"x", None),
    ],
)
def test_a_uuid_is_read_in_any_form(given: object, read: str | None) -> None:
    """Objects and text in any common form are UUIDs; nothing else is."""
    assert read_uuid(given) == read


def test_nobody_has_a_new_id_each_time() -> None:
    """Ids for nobody are random."""
    assert UUID(nobody()) != UUID(nobody())
