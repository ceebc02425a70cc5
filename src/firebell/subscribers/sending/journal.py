"""The journal of a sending process: which mails it began and which were answered, readable after a kill.

One line is appended before the text of a mail leaves, and one after the answer. Killing the process loses none of
them; losing the power may, so a journal of an earlier boot is not believed.
"""

import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from firebell.kit.private_files import DIRECTORY_MODE, FILE_MODE
from firebell.kit.signing import random_token

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
FOLDER = "subscriber-mail"


class JournaledOutcome(Enum):
    """The outcome of a mail according to the journal of a process that is gone."""

    NOT_SENT = "not sent"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def _this_boot() -> str:
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        # without a boot id no journal is believed but that of this process
        return random_token(12)


@dataclass(slots=True)
class Journal:
    """The journal of this process; `name` is what its claimed deliveries carry."""

    folder: Path | None
    name: str = ""
    _boot: str = field(default_factory=_this_boot)
    _file: int | None = None

    def __post_init__(self) -> None:
        self.name = f"{socket.gethostname()[:60]}.{self._boot}.{random_token(9)}"

    def begin(self, delivery_id: int) -> None:
        """Record that the text of a mail is sent next."""
        self._append(f"begin {delivery_id}\n")

    def end(self, delivery_id: int, code: int) -> None:
        """Record the answer to a mail."""
        self._append(f"end {delivery_id} {code}\n")

    def clear(self) -> None:
        """Forget everything, once each outcome is stored in the database."""
        if self._file is not None:
            os.ftruncate(self._file, 0)

    def _append(self, line: str) -> None:
        if self.folder is None:
            return
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True, mode=DIRECTORY_MODE)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._file = os.open(self.folder / self.name, flags, FILE_MODE)
        os.write(self._file, line.encode())

    def close(self) -> None:
        """Remove the journal of a process that leaves nothing open."""
        if self._file is not None and self.folder is not None:
            os.close(self._file)
            self._file = None
            (self.folder / self.name).unlink(missing_ok=True)

    def outcomes_of(self, name: str, delivery_ids: Collection[int]) -> Mapping[int, JournaledOutcome]:
        """Return the outcome of each mail that a process claimed; unknown if its journal is not of this boot."""
        lines = self._lines_of(name)
        if lines is None:
            return dict.fromkeys(delivery_ids, JournaledOutcome.UNKNOWN)
        return outcomes(lines, delivery_ids)

    def _lines_of(self, name: str) -> list[str] | None:
        """Return the lines of a journal, None if it is of another boot, on another machine, or cannot be read.

        A process that had begun nothing has no journal.
        """
        host, _, rest = name.rpartition(f".{self._boot}.")
        if self.folder is None or host != socket.gethostname()[:60] or "/" in rest or not rest:
            return None
        try:
            return (self.folder / name).read_text(encoding="ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return [] if self.folder.is_dir() else None
        except OSError:
            return None

    def remove(self, name: str) -> None:
        """Remove the journal of a process that is gone."""
        if self.folder is not None and "/" not in name and name != self.name:
            (self.folder / name).unlink(missing_ok=True)


def outcomes(lines: Collection[str], delivery_ids: Collection[int]) -> dict[int, JournaledOutcome]:
    """Return the outcome of each mail by its last line in a journal; a truncated line is ignored."""
    known: dict[int, JournaledOutcome] = {}
    for line in lines:
        match line.split():
            case ["begin", number] if number.isdecimal():
                known[int(number)] = JournaledOutcome.UNKNOWN
            case ["end", number, code] if number.isdecimal() and code.isdecimal() and len(code) == 3:
                known[int(number)] = (
                    JournaledOutcome.SENT if code.startswith("2") else JournaledOutcome.REFUSED
                )
    return {each: known.get(each, JournaledOutcome.NOT_SENT) for each in delivery_ids}
