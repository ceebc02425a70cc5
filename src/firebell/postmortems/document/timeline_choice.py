"""Which entries people chose for the timeline of a document (pure): `{{timeline hide=t:412 show=c:5}}`.

The block keeps references, so a corrected entry is shown as corrected, and what is recorded later follows the rule.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

CHOSEN_MAX = 500
"""Number of entries that a block may name."""
KEY = re.compile(r"(?:[tcs]:[0-9]{1,18}|[pr]:[0-9]{1,18}\.[0-9]{1,18})")
_NAMES = ("hide", "show")


@dataclass(frozen=True, slots=True)
class TimelineChoice:
    """The entries that a timeline shows and leaves out although its rule might not, by their keys."""

    shown: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return True if someone chose an entry."""
        return bool(self.shown or self.hidden)

    def with_changes(
        self, *, show: Iterable[str] = (), hide: Iterable[str] = (), reset: Collection[str] | None = ()
    ) -> "TimelineChoice":
        """Return the choice with entries shown, hidden, and left to the rule again; all are reset with None."""
        shown, hidden = frozenset(show), frozenset(hide)
        kept = TimelineChoice() if reset is None else self
        forgotten = frozenset(reset or ())
        return TimelineChoice(
            (kept.shown - hidden - forgotten) | shown, (kept.hidden - shown - forgotten) | hidden
        )

    def options(self) -> str:
        """Return what stands in the block, the same for the same choice; empty without one."""
        parts = [("hide", self.hidden), ("show", self.shown)]
        return " ".join(f"{name}={','.join(sorted(keys, key=_order))}" for name, keys in parts if keys)


NO_CHOICE = TimelineChoice()


def parse(options: str) -> TimelineChoice:
    """Return the choice that a block names; what cannot be read is left out, and is among its `problems`."""
    named = dict(_pairs(options))
    keys = {
        name: frozenset(key for key in named.get(name, "").split(",") if KEY.fullmatch(key))
        for name in _NAMES
    }
    return TimelineChoice(keys["show"], keys["hide"] - keys["show"])


def problems(options: str) -> list[str]:
    """Return what cannot be read of the options of a timeline block."""
    pairs = _pairs(options)
    unknown = [
        f"The block timeline has no option {name}. Use hide or show."
        for name, _ in pairs
        if name not in _NAMES
    ]
    wrong = [
        f"“{key[:40]}” is not a timeline entry. Write a key such as t:412, p:7.31, r:3.4, c:5 or s:2."
        for name, value in pairs
        if name in _NAMES
        for key in value.split(",")
        if not KEY.fullmatch(key)
    ]
    count = sum(len(value.split(",")) for _, value in pairs)
    many = [f"The block timeline names {count} entries, {CHOSEN_MAX} at most."] if count > CHOSEN_MAX else []
    return [*unknown, *wrong, *many]


def _pairs(options: str) -> list[tuple[str, str]]:
    return [(name, value) for name, _, value in (part.partition("=") for part in options.split())]


def _order(key: str) -> tuple[str, int, int]:
    kind, _, number = key.partition(":")
    whole, _, part = number.partition(".")
    return kind, int(whole), int(part or 0)
