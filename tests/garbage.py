"""The garbage collector of the processes of tests."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def keep() -> None:
    """Keep what exists from the collector, which would look at all of it again and again."""
    gc.collect()
    gc.freeze()


def collect_seldom() -> None:
    """Raise the thresholds: at Python's own, collecting takes a seventh of the processor time of the tests."""
    gc.set_threshold(50_000, 50, 100)


@contextmanager
def lasting() -> Iterator[None]:
    """Disable collection in a block that creates many objects that last, and then freeze them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
