"""The wake-ups of a world: which lanes they wake, without a connection that sends them to no one.

That connection would be one more process of PostgreSQL in most tests.
"""

from collections.abc import Callable, Iterable, Mapping

import asyncpg

from firebell.kit.db.database import WORK_CHANNEL, Db
from firebell.kit.db.notifier import WakeUp
from firebell.worker_lanes import lanes_woken

_listened = set[str]()
"""Addresses of databases on which something listens, or did."""


def expect_listener(dsn: str) -> None:
    """Send the wake-ups in this database from now on."""
    _listened.add(dsn)


def watch(db: Db) -> set[str]:
    """Return the set to which commits add the lanes that they wake; the wake-ups are sent if something listens."""
    woken = set[str]()
    send, listen = db._notifier.add, db.listen

    def add(wake_ups: Iterable[WakeUp]) -> None:
        for wake_up in wake_ups:
            if wake_up.channel == WORK_CHANNEL:
                woken.update(lanes_woken(wake_up.payload))
        if db.dsn in _listened:
            send(wake_ups)

    async def expected_listen(handlers: Mapping[str, Callable[[str], None]]) -> asyncpg.Connection:
        expect_listener(db.dsn)
        return await listen(handlers)

    db._notifier.add = add  # type: ignore[method-assign] # no public way
    db.listen = expected_listen  # type: ignore[method-assign]
    return woken
