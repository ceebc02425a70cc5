"""Limits that a child process sets for itself: they hold even after the process that started it was killed."""

import contextlib
import signal


def limit_memory(size_bytes: int) -> None:
    """Limit the memory of this process, where the system supports it; it leaves no core file."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size_bytes, size_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def end_after(limit_s: float) -> None:
    """End this process after this time, where the system supports it; 0 takes the limit back."""
    with contextlib.suppress(AttributeError):
        signal.setitimer(signal.ITIMER_REAL, limit_s)
