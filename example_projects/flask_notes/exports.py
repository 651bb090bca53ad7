"""Turns notes into files. One of the two formats is not finished: that is the $exception."""

from __future__ import annotations

from notebook import Note


def as_text(notes: list[Note]) -> str:
    """Return the notes as plain text."""
    return "\n\n".join(f"{note.written_at}\n{note.text}" for note in notes)


def as_pdf(notes: list[Note]) -> str:
    """Return the notes as a PDF."""
    pages = -(-len(notes) // 20)
    msg = f"nobody has written the PDF export yet; it would have {pages} page(s)"
    raise NotImplementedError(msg)


FORMATS = {"txt": as_text, "pdf": as_pdf}
