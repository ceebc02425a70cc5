"""When the disk of the database is nearly full."""

import shutil
from pathlib import Path

MIN_FREE_BYTES, LOW_FREE_BYTES = 256 * 2**20, 2 * 2**30
"""Free disk space below which checks fail, and below which they warn."""


def free_bytes(folder: Path) -> int:
    """Return the free space of the disk of a folder, in bytes. Raises OSError."""
    return shutil.disk_usage(folder).free


def free_text(free: int, folder: Path) -> str:
    """Return how much is free, as a sentence."""
    return f"{free / 2**20:,.0f} MiB are free in {folder}."
