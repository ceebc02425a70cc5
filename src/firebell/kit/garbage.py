"""Garbage collection around the start of a process: what it imports is never garbage, and takes long to search."""

import gc

_USUAL = gc.get_threshold()


def collect_seldom() -> None:
    """Collect seldom while the process imports its modules; collecting as usual would take a sixth of that time."""
    gc.set_threshold(100_000, 50, 1000)


def settle() -> None:
    """Collect as usual, except what is loaded: to search that would pause the process for 100 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_USUAL)
