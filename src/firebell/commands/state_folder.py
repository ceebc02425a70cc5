"""The folder in which commands keep what must outlive them: `$XDG_STATE_HOME/firebell`."""

import os
from pathlib import Path

from firebell.kit.private_files import DIRECTORY_MODE


def state_folder(*names: str) -> Path:
    """Return a folder inside the state folder, which only its owner can open; create it if needed."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(base)
    folder.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
    for name in ("firebell", *names):
        folder = folder / name
        folder.mkdir(exist_ok=True, mode=DIRECTORY_MODE)
    return folder
