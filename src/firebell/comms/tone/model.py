"""Findings of the tone check, and what the check knows about the incident (pure)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

STAGES = ("investigating", "identified", "monitoring", "resolved")
FINAL_STAGE = "resolved"


class ToneLevel(StrEnum):
    """What a finding means: a block cannot be sent, an error needs a reason, the others are advice."""

    BLOCK = "block"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ReaderKind(StrEnum):
    """Who reads a text: internal readers may read guesses and names, the others may not."""

    INTERNAL = "internal"
    PUBLIC = "public"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class ToneFinding:
    """One problem of a text. `start` and `end` are its characters; both are 0 if the whole text is meant."""

    code: str
    level: ToneLevel
    start: int
    end: int
    message: str
    suggestion: str = ""


@dataclass(frozen=True, slots=True)
class ToneContext:
    """What the check knows; times are aware, names in any case.

    `allowed` are names that customers know, such as those of components; they are never a finding.
    `last_text` is the last text to the same readers, empty before the first.
    """

    reader: ReaderKind = ReaderKind.PUBLIC
    stage: str = "investigating"
    severity: int = 1
    locale: str = "en"
    names: frozenset[str] = frozenset()
    handles: frozenset[str] = frozenset()
    vendors: frozenset[str] = frozenset()
    internal_terms: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    data_checked: bool = False
    postmortem_published: bool = False
    last_text: str = ""
    next_update_at: datetime | None = None
    interval: timedelta | None = None
    now: datetime | None = None
    subject: str | None = None

    @property
    def is_final(self) -> bool:
        """True if no update follows."""
        return self.stage == FINAL_STAGE

    @property
    def is_outside(self) -> bool:
        """True if people outside the organization read it."""
        return self.reader is not ReaderKind.INTERNAL
