"""What stands between a person and what the person did, and before a place of a sentence (pure)."""

import re
from collections.abc import Iterator

from firebell.postmortems.blameless.subjects import Mention

MANNER = (
    r"(?:[ ,]+(?:also|then|again|still|just|simply|both|all|either|even|really|only|first|[a-z]{2,20}ly))"
)
_PLACE = (
    r"(?: +(?:on[- ]call|on duty|on shift)"
    r"| +(?:of|from|on|in|at|for)(?: +(?:the|our|their|that|this))? +[\w-]+(?: +teams?)?"
    r"|,? *\([^()]{0,60}\)|, who [^,]{1,80},| +who)?"
)
AFTER_SUBJECT = rf"{_PLACE}{MANNER}{{0,2}}"
_BEFORE_CHARS = 80


def before(place: Mention | re.Match[str]) -> int:
    """Return where to begin to look for what stands directly before a place."""
    start = place.start if isinstance(place, Mention) else place.start()
    return max(0, start - _BEFORE_CHARS)


def subjects(people: list[Mention]) -> Iterator[Mention]:
    """Return the people who are the subject of what follows them."""
    return (person for person in people if person.is_subject and not person.is_possessive)
