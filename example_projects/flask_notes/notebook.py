"""Notes, in an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Note:
    """Something written down."""

    id: int
    text: str
    written_at: str


class Notebook:
    """Everybody's notes."""

    def __init__(self, path: Path | str) -> None:
        """Open the book at *path*, or begin it."""
        self.path = path
        with self._open() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, author TEXT NOT NULL,"
                " text TEXT NOT NULL, written_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP)"
            )

    def of(self, author: str) -> list[Note]:
        """Return *author*'s notes, the newest first."""
        with self._open() as connection:
            rows = connection.execute(
                "SELECT id, text, written_at FROM notes WHERE author = ? ORDER BY id DESC",
                (author,),
            )
            return [Note(*row) for row in rows]

    def write(self, author: str, text: str) -> None:
        """Add a note."""
        with self._open() as connection:
            connection.execute("INSERT INTO notes (author, text) VALUES (?, ?)", (author, text))

    def delete(self, author: str, note_id: int) -> bool:
        """Delete a note if it is *author*'s; return whether it was."""
        with self._open() as connection:
            done = connection.execute(
                "DELETE FROM notes WHERE id = ? AND author = ?", (note_id, author)
            )
            return done.rowcount == 1

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            yield connection
