"""How alike two incidents are: the weights of their terms, and the score with its reasons (pure, spec 11.8)."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt

from firebell.kit.search_terms import words

TERMS_KEPT = 40
TERMS_STORED = 1_000
"""Number of different terms of an incident that are stored; the most frequent ones."""
TERM_MIN_CHARS = 3
TERM_MAX_CHARS = 60
SHOWN_FROM = 0.25
"""The score from which an incident is shown."""
SHOWN_MAX = 5
COSINE_FROM = 0.1
"""The cosine from which the words of two incidents count as a reason."""
FEW_DOCUMENTS = 50
"""Below this number of documents words say little, and services and rules count double."""


@dataclass(frozen=True, slots=True)
class ScoreWeights:
    """What each likeness adds to the score at most."""

    text: float
    service: float
    factors: float
    rule: float
    trigger: float


MANY = ScoreWeights(text=0.60, service=0.15, factors=0.10, rule=0.10, trigger=0.05)
FEW = ScoreWeights(text=0.30, service=0.30, factors=0.10, rule=0.20, trigger=0.05)


@dataclass(frozen=True, slots=True)
class IncidentProfile:
    """What an incident is compared by, beside its terms."""

    service_ids: frozenset[int]
    rules: frozenset[str]
    factors: frozenset[str]


@dataclass(frozen=True, slots=True)
class Likeness:
    """The score of an incident and its reasons; `cosine` is from 0 to 1."""

    score: float
    cosine: float
    service_ids: tuple[int, ...]
    rules: tuple[str, ...]
    factors: tuple[str, ...]

    @property
    def is_more_than_service(self) -> bool:
        """True if more than the service is the same: in a small organization every incident shares it."""
        return bool(self.rules or self.factors or self.cosine >= COSINE_FROM)

    @property
    def percent(self) -> int:
        """The score in percent."""
        return round(100 * self.score)


def count_terms(texts: Iterable[str]) -> dict[str, int]:
    """Return how often each term occurs, the most frequent ones; numbers and short words are none."""
    counts = Counter(
        word[:TERM_MAX_CHARS]
        for text in texts
        for word in words(text)
        if len(word) >= TERM_MIN_CHARS and not word.isdecimal()
    )
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TERMS_STORED])


def weigh(counts: Mapping[str, int], frequencies: Mapping[str, int], documents: int) -> dict[str, float]:
    """Return the normalized weights of the heaviest terms; `frequencies` are the documents that have each.

    A term that is in fewer than two documents, or in more than a fifth of them, says nothing.
    """
    weights = {
        term: (1 + log(count)) * log(documents / frequencies[term])
        for term, count in counts.items()
        if 2 <= frequencies.get(term, 0) <= documents / 5
    }
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:TERMS_KEPT]
    length = sqrt(sum(weight * weight for _, weight in heaviest))
    return {term: weight / length for term, weight in heaviest} if length else {}


def cosine(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Return the cosine of two documents by the weights of their terms, 0 if one has none."""
    product = sum(weight * other.get(term, 0.0) for term, weight in one.items())
    lengths = sqrt(sum(w * w for w in one.values())) * sqrt(sum(w * w for w in other.values()))
    return min(1.0, product / lengths) if lengths else 0.0


def _triggers(profile: IncidentProfile) -> set[str]:
    return {factor for factor in profile.factors if factor.startswith("trigger.")}


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    union = one | other
    return len(one & other) / len(union) if union else 0.0


def score(one: IncidentProfile, other: IncidentProfile, cosine: float, documents: int) -> Likeness:
    """Return how alike two incidents are, from 0 to 1, and why; symmetric."""
    weights = FEW if documents < FEW_DOCUMENTS else MANY
    services = one.service_ids & other.service_ids
    rules = one.rules & other.rules
    total = (
        weights.text * cosine
        + weights.service * bool(services)
        + weights.factors * _jaccard(one.factors, other.factors)
        + weights.rule * bool(rules)
        + weights.trigger * bool(_triggers(one) & _triggers(other))
    )
    shared = tuple(sorted(one.factors & other.factors))
    return Likeness(total, cosine, tuple(sorted(services)), tuple(sorted(rules)), shared)


def most_alike(scored: Sequence[tuple[int, Likeness]]) -> list[tuple[int, Likeness]]:
    """Return the incidents that are alike enough, the most alike first; of equal ones the newest."""
    alike = [pair for pair in scored if pair[1].score >= SHOWN_FROM and pair[1].is_more_than_service]
    return sorted(alike, key=lambda pair: (-pair[1].score, -pair[0]))
