"""Failures of this machine, which say nothing about whom it tried to reach."""

import errno
import os
from collections.abc import Iterator

from firebell.kit.errors import Unavailable

_OURS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})


def is_ours(error: BaseException) -> bool:
    """Return True if `error`, or what led to it, is this process running out of something."""
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
    pending, seen = [error], set[int]()
    while pending:
        cause = pending.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        pending += [linked for linked in (cause.__cause__, cause.__context__) if linked is not None]
        if isinstance(cause, BaseExceptionGroup):
            pending += cause.exceptions
