"""Find the people of a sentence: roles, names, handles and pronouns (pure).

The subject decides whether words blame: an engineer who missed something is blamed, a health check is not.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from firebell.postmortems.blameless.pattern_parts import words

_ROLES = words(
    """
    engineer engineers developer developers dev devs programmer programmers operator operators administrator
    administrators admin admins sysadmin sysadmins responder responders reviewer reviewers approver approvers
    author authors commander scribe oncaller oncallers sre sres dba dbas manager managers lead leads architect
    architects employee employees technician technicians contractor contractors intern interns colleague
    colleagues coworker coworkers staff person people individual individuals someone somebody maintainer
    maintainers committer committers contributor contributors tester testers analyst analysts deployer
    owner owners teammate teammates he she juniors seniors team teams management leadership
    """
)
_ALONE = words("support operations ops on-call oncall someone somebody he she")
"""Words that are people only if no other noun stands before them: "the database operations" are none."""
_GROUPS = words("support operations ops on-call oncall")
_SOFTWARE = words(
    """
    kubernetes k8s prometheus alertmanager helm istio strimzi postgres postgresql mysql redis kafka etcd cert
    package password secret secrets window session task process memory state cluster resource traffic config
    configuration deployment controller connection queue job volume node pod pods database cache file event device
    content asset certificate identity key partition transaction lock boot bitwise comparison logical ternary
    sql hub pipeline flow store plugin extension dependency version api gateway
    """
)
"""Words before operator or manager that make it software."""
_SOFTWARE_HEADS = words("operator operators manager managers owner owners")
_LED_BY = words(
    "tech technical team engineering comms communications product shift incident security qa support"
)
"""Words before lead that make it a person: in "an error in a service lead to" it is a verb."""
_PREPOSITIONS = words(
    """
    of to from for by with about between without against among through via at on in into per than behind
    notify notified notifying alert alerted alerting page paged paging told asked email emailed allow allows
    allowed let lets help helps helped gave give gives require requires required cause causes caused
    """
)
"""Words after which a person is not the subject of what follows."""
_DETERMINERS = words(
    """
    the a an this that these those our your their his her its my some any each every one two three four another
    other several both all many few no most
    """
)
_OPENERS = words(
    "because when while if that as since although though whereas after before until once but so then where which"
)
_WE = words("we i")
_TOKEN = re.compile(r"@?\w+(?:[-'’.]\w+)*")
_POSSESSIVE = re.compile(r"['’]s?$|s['’]$")
_HANDLE = re.compile(r"(?<![\w./@-])@[A-Za-z][\w.-]{0,38}(?<![.-])(?![\w/])")
_MODIFIERS_AT_MOST = 4
_LEAD_IN = re.compile(r"(?:(?:at|on|by|since) +[\d:. ]{1,20}(?:utc)?|.{1,40},) *", re.IGNORECASE)
"""What may stand before the subject of a text, as in "At 10:02 UTC Maria"."""

Names = Mapping[str, tuple[tuple[str, ...], ...]]
"""Names by their first word, longest first."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A person in a sentence: its characters, and what they mean for the grammar."""

    start: int
    end: int
    is_subject: bool = True
    """False after a preposition or as an object, where another word is the subject."""
    is_possessive: bool = False
    is_we: bool = False
    """True for the authors themselves: they may tell what they did not do."""


@lru_cache(maxsize=64)
def names_of(people: frozenset[str]) -> Names:
    """Return the names and handles of people by their first word; a full name also counts by its first name."""
    by_first: dict[str, set[tuple[str, ...]]] = {}
    for person in people:
        parts = tuple(token[0].lstrip("@") for token in _TOKEN.finditer(person))
        for name in (parts, parts[:1]):
            if name and len(name[0]) > 1:
                by_first.setdefault(name[0], set()).add(name)
    return {first: tuple(sorted(names, key=len, reverse=True)) for first, names in by_first.items()}


def _bare(token: str) -> str:
    """Return a word without the mark of a handle and the ending of a possessive."""
    return _POSSESSIVE.sub("", token.lstrip("@")) if "'" in token or "’" in token else token.lstrip("@")


def _name_length(words: list[str], at: int, names: Names) -> int:
    """Return how many words from a place are the name of a person; 0 if none."""
    for name in names.get(words[at], ()):
        if tuple(words[at : at + len(name)]) == name:
            return len(name)
    return 0


def mentions(text: str, names: Names) -> list[Mention]:
    """Return the people of a sentence in order."""
    tokens = list(_TOKEN.finditer(text))
    bare = [_bare(token[0]) for token in tokens]
    lower = [word.lower() for word in bare]
    result: list[Mention] = []
    at = 0
    while at < len(tokens):
        if tokens[at][0].startswith("@"):
            length = 1 if _HANDLE.match(text, tokens[at].start()) else 0
            if not length:
                at += 1
                continue
        else:
            length = _name_length(bare, at, names) if bare[at] in names else 0
        if length:
            is_subject = at == 0 or lower[at - 1] not in _PREPOSITIONS or _apart(text, tokens, at)
            result.append(_mention(text, tokens, at, at + length, is_subject))
            at += length
            continue
        if lower[at] in _WE:
            result.append(Mention(tokens[at].start(), tokens[at].end(), is_we=True))
        elif lower[at] in _ROLES or lower[at] in _GROUPS:
            first, is_person, is_subject = _phrase(text, tokens, lower, at)
            if is_person:
                result.append(_mention(text, tokens, first, at + 1, is_subject))
        at += 1
    return result


def _mention(text: str, tokens: list[re.Match[str]], first: int, after: int, is_subject: bool) -> Mention:
    last = tokens[after - 1]
    is_possessive = bool(_POSSESSIVE.search(last[0])) or text[last.end() : last.end() + 1] in ("'", "’")
    return Mention(tokens[first].start(), last.end(), is_subject, is_possessive)


def _apart(text: str, tokens: list[re.Match[str]], at: int) -> bool:
    """Return True if a mark, such as a comma, separates a word from the one before it."""
    return bool(text[tokens[at - 1].end() : tokens[at].start()].strip(" \t"))


def _phrase(text: str, tokens: list[re.Match[str]], lower: list[str], at: int) -> tuple[int, bool, bool]:
    """Return where the noun phrase that ends in a role begins, and whether it is a person and a subject."""
    first = at
    while first > 0 and at - first < _MODIFIERS_AT_MOST and not _apart(text, tokens, first):
        before = lower[first - 1]
        if before in _OPENERS or before in _PREPOSITIONS or before in _WE or before.endswith(("ed", "ing")):
            break
        first -= 1
        if before in _DETERMINERS:
            break
    has_modifier = any(word not in _DETERMINERS for word in lower[first:at])
    is_person = not (
        (lower[at] in ("lead", "leads") and (not at or lower[at - 1] not in _LED_BY))
        or (lower[at] in _ALONE and has_modifier)
        or (lower[at] in _SOFTWARE_HEADS and not _SOFTWARE.isdisjoint(lower[first:at]))
    )
    before = lower[first - 1] if first else ""
    is_object = before in _PREPOSITIONS or before.endswith("ing")
    is_subject = not first or not is_object or _apart(text, tokens, first)
    return first, is_person, is_subject


def is_about_person(text: str, names: Names) -> bool:
    """Return True if the first subject of a text is a person other than the authors."""
    person = next(iter(mentions(text, names)), None)
    if person is None or not person.is_subject or person.is_possessive or person.is_we:
        return False
    lead_in = text[: person.start].strip()
    return not lead_in or _LEAD_IN.fullmatch(lead_in) is not None


def people_named(people: Iterable[str]) -> Names:
    """Return the names and handles by which a text may mention people."""
    return names_of(frozenset(people))
