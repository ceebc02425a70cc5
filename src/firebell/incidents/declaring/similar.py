"""Which incidents may be the one that someone is about to declare (pure)."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from firebell.incidents.model import Incident
from firebell.kit.search_terms import words

ENDED_WITHIN = timedelta(hours=2)
"""How long an incident is suggested after it was closed."""
MIN_WORDS = 3
"""Number of words from which a title is compared; fewer are enough once a question is answered."""
SUGGESTED = 3
_STEM_MIN_CHARS = 4
"""Number of characters that two words share at least if they may be forms of one word."""
_COMMON = frozenset(
    words(
        "a an and are as at be been but by can cannot for from has have in into is it its of on or our since some"
        " that the their them there this to up was we were when with you your"
    )
)
"""English words that say nothing about what is broken."""


def terms(title: str) -> list[str]:
    """Return the words of a title that say something, each once."""
    return [word for word in dict.fromkeys(words(title)) if word not in _COMMON]


def is_comparable(title: str, *, answered: bool) -> bool:
    """Return True if the title has enough words to compare it."""
    return len(words(title)) >= MIN_WORDS or (answered and bool(terms(title)))


def search_prefixes(title: str) -> list[str]:
    """Return the beginnings of words by which similar incidents are found; any of them is enough."""
    return [term[: max(_STEM_MIN_CHARS, len(term) - 3)] for term in terms(title)]


def _alike(one: str, other: str) -> bool:
    """Return True if two words are equal, or may be forms of one word, such as fail and failing."""
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _STEM_MIN_CHARS:
        return one == other
    stem = max(_STEM_MIN_CHARS, len(shorter) - 2)
    return longer.startswith(shorter[:stem])


def score(
    title: str, incident: Incident, service_ids: Iterable[int], chosen_services: Iterable[int]
) -> float:
    """Return how similar an incident is to a title, from 0 to 1.5.

    An affected service that both have adds 0.5, but only if they share a word too.
    """
    wanted = terms(title)
    present = terms(f"{incident.title} {incident.summary}")
    shared = sum(any(_alike(term, word) for word in present) for term in wanted)
    share = shared / len(wanted) if wanted else 0.0
    same_service = bool(set(service_ids) & set(chosen_services))
    return share + (0.5 if same_service and shared else 0.0)


def most_similar(
    title: str,
    candidates: Sequence[Incident],
    services: dict[int, list[int]],
    chosen_services: Sequence[int],
) -> list[Incident]:
    """Return the incidents that share at least half of the title's words, the most similar first, three at most."""
    scored = [(score(title, i, services.get(i.id, []), chosen_services), i) for i in candidates]
    similar = sorted(
        ((points, i) for points, i in scored if points >= 0.5), key=lambda pair: (-pair[0], -pair[1].id)
    )
    return [incident for _, incident in similar[:SUGGESTED]]
