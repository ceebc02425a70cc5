"""Detects resource exhaustion on this machine, as opposed to failures of a remote server."""

import errno
import os
from collections.abc import Iterator

from firebell.kit.errors import Unavailable

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


def is_ours(error: BaseException) -> bool:
    """Return True if `error` or one of its causes means that this process ran out of a resource."""
    return any(
        isinstance(cause, Unavailable) or (isinstance(cause, OSError) and cause.errno in _OURS)
        for cause in _causes(error)
    )


def descriptors_left() -> bool:
    """Return True if this process can open one more file or socket."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return False
    return True


def _causes(error: BaseException) -> Iterator[BaseException]:
    pending, visited = [error], set[int]()
    while pending:
        cause = pending.pop()
        if id(cause) in visited:
            continue
        visited.add(id(cause))
        yield cause
        pending += [linked for linked in (cause.__cause__, cause.__context__) if linked is not None]
        if isinstance(cause, BaseExceptionGroup):
            pending += cause.exceptions
