"""Which mitigations in a timeline had an effect, judged by their text (pure)."""

import re
from collections.abc import Sequence

from firebell.incidents.model import TimelineEntry

SAYS_FAILED = re.compile(
    r"\b(no|without|little) (\w+ )?(effect|change|improvement)\b|\b(not|never|n't) (\w+ )?(help|work|effective)"
    r"|n't (help|work)|\bineffective|\bin vain\b|\bfailed\W*$|\bby itself\b|\bon its own\b",
    re.IGNORECASE,
)
SAYS_HELPED = re.compile(r"\b(helped|worked|effective)\b", re.IGNORECASE)

JUDGED_KINDS = ("mitigation", "phase")
"""The kinds of timeline entries that `what_helped` reads."""


def what_helped(timeline: Sequence[TimelineEntry]) -> list[str]:
    """Return the mitigations that say they helped, and the last one before the impact ended for good.

    Mitigations that say they had no effect are left out.
    """
    last, before_end = None, None
    for entry in timeline:
        if entry.kind == "mitigation":
            last = entry
        elif entry.kind == "phase" and entry.data.get("to") == "monitoring":
            before_end, last = last, None
        elif entry.kind == "phase" and entry.data.get("to") in ("investigating", "mitigating"):
            before_end = None
    return [
        e.text
        for e in timeline
        if e.kind == "mitigation"
        and not SAYS_FAILED.search(e.text)
        and (e is before_end or SAYS_HELPED.search(e.text))
    ]


def current_mitigation(timeline: Sequence[TimelineEntry], *, active: bool) -> str:
    """Return the newest mitigation that did not fail; once inactive, prefer one that helped. Empty if none."""
    tried = [e.text for e in timeline if e.kind == "mitigation" and not SAYS_FAILED.search(e.text)]
    helped = [] if active else what_helped(timeline)
    return ([*tried[-1:], *helped] or [""])[-1].strip()
