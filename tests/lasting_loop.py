"""The event loop of all tests of a process, so that a connection can outlive the test that opened it."""

import asyncio
from weakref import WeakSet

_loop: asyncio.AbstractEventLoop | None = None
_lasting_tasks = WeakSet[asyncio.Task[object]]()


def remember() -> None:
    """Remember the running loop as the one that lasts."""
    global _loop
    _loop = asyncio.get_running_loop()


def is_running() -> bool:
    """Return True in the loop that lasts, False in one of a test's own."""
    return _loop is asyncio.get_running_loop()


def keep_tasks() -> None:
    """Let the tasks that go on now outlive a test: a browser or a program that several tests share has some."""
    if _loop:
        _lasting_tasks.update(asyncio.all_tasks(_loop))


def cancel_tasks() -> None:
    """Cancel the tasks that a test left, and wait for their ends."""
    if _loop and (tasks := asyncio.all_tasks(_loop).difference(_lasting_tasks)):
        for task in tasks:
            task.cancel()
        _loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
