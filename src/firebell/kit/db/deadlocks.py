"""Repeats transactions that PostgreSQL ended because of a deadlock."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from asyncpg import DeadlockDetectedError

T = TypeVar("T")
ATTEMPTS = 2
"""How often a transaction is run before its deadlock is an error."""


async def repeated(transaction: Callable[[], Awaitable[T]]) -> T:
    """Return the result of a transaction, which is run again if a deadlock ended it.

    PostgreSQL ends one of two transactions that wait for each other; raise its error after `ATTEMPTS`.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return await transaction()
        except DeadlockDetectedError:
            continue
    return await transaction()
