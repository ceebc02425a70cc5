"""Elapsed time that a loaded machine does not stretch: bounds on it fail for what the product waits, not for load."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

TICK_S = 0.01


@dataclass(slots=True)
class Stopwatch:
    """Seconds since the start, without those in which a thread of this process that was ready did not run."""

    seconds: float = 0.0


@contextlib.contextmanager
def stopwatch() -> Iterator[Stopwatch]:
    """Yield a stopwatch that runs until the block ends.

    A thread counts its own ticks, each as two at most. While this process gets no processor time, it counts nothing;
    while the event loop is blocked, it goes on.
    """
    watch, stop = Stopwatch(), threading.Event()

    def count() -> None:
        last = time.monotonic()
        while not stop.wait(TICK_S):
            now = time.monotonic()
            watch.seconds += min(now - last, 2 * TICK_S)
            last = now

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stop.set()
        thread.join()
