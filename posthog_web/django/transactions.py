"""Statements of ours inside a transaction of the application's."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.db import DatabaseError, InternalError, connections


class BrokenTransactionError(DatabaseError):
    """A transaction around takes no statements any more: nothing can be asked until its end."""


@contextmanager
def apart_from_transactions() -> Generator[None]:
    """Let nothing that fails in the block spoil a transaction that is open around it.

    After a statement that failed, a transaction may refuse all others until its end. So before the
    first statement of the block there is a savepoint; a block that sends none costs none.

    Raises:
        BrokenTransactionError: The transaction had failed before.
    """
    with ExitStack() as stack:
        for connection in connections.all(initialized_only=True):
            if connection.in_atomic_block and connection.features.uses_savepoints:
                stack.enter_context(_apart(connection))
        yield


@contextmanager
def _apart(connection: Any) -> Generator[None]:  # noqa: ANN401 - any database's
    # Not atomic(): entered below the caller's first statement, it would be left out of order.
    savepoints: list[str | None] = []

    def execute_after_savepoint(execute: Any, *statement: Any) -> Any:  # noqa: ANN401 - Django's own
        if not savepoints:
            if connection.needs_rollback:
                raise BrokenTransactionError
            savepoints.append(None)  # The savepoint is a statement, too.
            try:
                savepoints[0] = connection.savepoint()
            except InternalError as error:
                # PostgreSQL's word for it, after a statement that failed.
                raise BrokenTransactionError from error
        return execute(*statement)

    failed = True
    try:
        with connection.execute_wrapper(execute_after_savepoint):
            yield
        failed = False
    finally:
        if savepoints and savepoints[0] is not None:
            _finish(connection, savepoints[0], failed=failed or connection.needs_rollback)


def _finish(connection: Any, savepoint: str, *, failed: bool) -> None:  # noqa: ANN401 - any database's
    if not failed:
        try:
            connection.savepoint_commit(savepoint)
        except DatabaseError:
            # A statement failed, and whoever sent it keeps quiet about it.
            pass
        else:
            return
    connection.set_rollback(False)
    try:
        connection.savepoint_rollback(savepoint)
    except DatabaseError:
        connection.set_rollback(True)
        raise
