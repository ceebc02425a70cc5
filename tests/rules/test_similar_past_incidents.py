"""How alike two incidents are: the vectors of the specification, and what holds for any two."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.postmortems.similar import queries, scoring
from firebell.postmortems.similar.scoring import IncidentProfile, Likeness

NONE = IncidentProfile(frozenset(), frozenset(), frozenset())


def profile(services: str = "", rules: str = "", factors: str = "") -> IncidentProfile:
    return IncidentProfile(
        frozenset(map(int, services.split())), frozenset(rules.split()), frozenset(factors.split())
    )


def test_the_cosine_of_the_specification() -> None:
    cosine = scoring.cosine({"a": 3, "b": 4}, {"a": 4, "b": 3})
    assert cosine == pytest.approx(0.96)
    assert scoring.score(profile("1"), profile("1"), cosine, 50).score == pytest.approx(0.726)
    assert scoring.cosine({}, {"a": 1}) == 0


@pytest.mark.parametrize(
    ("one", "other", "cosine", "documents", "score"),
    [
        (NONE, NONE, 0, 50, 0),
        (profile("1 2"), profile("2 3"), 0, 50, 0.15),
        (profile("1"), profile("1"), 0, 49, 0.30),
        (profile("", "High5xx"), profile("", "High5xx"), 0, 50, 0.10),
        (profile("", "High5xx"), profile("", "High5xx"), 0, 49, 0.20),
        (NONE, NONE, 1, 49, 0.30),
        (profile("", "", "latent.guard"), profile("", "", "latent.guard latent.test"), 0, 50, 0.05),
        (profile("", "", "trigger.load"), profile("", "", "trigger.load"), 0, 50, 0.15),
        (profile("1", "R", "trigger.load"), profile("1", "R", "trigger.load"), 1, 50, 1.0),
    ],
)
def test_each_likeness_adds_its_weight(
    one: IncidentProfile, other: IncidentProfile, cosine: float, documents: int, score: float
) -> None:
    assert scoring.score(one, other, cosine, documents).score == pytest.approx(score)


PROFILES = st.builds(
    IncidentProfile,
    st.frozensets(st.sampled_from([1, 2, 3])),
    st.frozensets(st.sampled_from(["a", "b"])),
    st.frozensets(st.sampled_from(["trigger.load", "latent.guard", "luck.bad"])),
)
TERMS = st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 10), max_size=6)


@given(PROFILES, PROFILES, TERMS, TERMS, st.sampled_from([0, 49, 50, 10_000]))
def test_likeness_is_symmetric_and_between_zero_and_one(
    one: IncidentProfile, other: IncidentProfile, a: dict[str, float], b: dict[str, float], documents: int
) -> None:
    there = scoring.score(one, other, scoring.cosine(a, b), documents)
    back = scoring.score(other, one, scoring.cosine(b, a), documents)
    assert there.score == pytest.approx(back.score)
    assert 0 <= there.score <= 1
    assert (there.service_ids, there.rules, there.factors) == (back.service_ids, back.rules, back.factors)


def test_terms_in_one_document_or_in_many_say_nothing() -> None:
    counts = {"once": 5, "rare": 1, "often": 9, "pool": 3}
    known = {"once": 1, "rare": 2, "often": 21, "pool": 20}
    weights = scoring.weigh(counts, known, 100)
    assert set(weights) == {"rare", "pool"}
    ratio = (1 + math.log(3)) * math.log(5) / math.log(50)
    assert weights["pool"] / weights["rare"] == pytest.approx(ratio)
    assert scoring.weigh(counts, {}, 100) == {}
    assert scoring.weigh(counts, known, 9) == {}


@given(st.dictionaries(st.text("abcdefgh", min_size=3, max_size=4), st.integers(1, 50), max_size=80))
def test_weights_are_normalized_and_few(counts: dict[str, int]) -> None:
    weights = scoring.weigh(counts, dict.fromkeys(counts, 2), 100)
    assert len(weights) == min(len(counts), scoring.TERMS_KEPT)
    if weights:
        assert sum(w * w for w in weights.values()) == pytest.approx(1)


def test_terms_are_words_without_numbers() -> None:
    counts = scoring.count_terms(["The POOL was full, pool 4812", "Störung db", "x" * 500])
    assert counts == {"pool": 2, "full": 1, "storung": 1, "the": 1, "was": 1, "x" * scoring.TERM_MAX_CHARS: 1}
    assert len(scoring.count_terms([" ".join(f"w{n}x" for n in range(5_000))])) == scoring.TERMS_STORED


def likeness(score: float, **more: object) -> Likeness:
    values = {"cosine": 0.0, "service_ids": (), "rules": (), "factors": (), **more}
    return Likeness(score, **values)  # type: ignore[arg-type]


def test_the_most_alike_come_first_and_of_equal_ones_the_newest() -> None:
    scored = [(n, likeness(points, cosine=0.5)) for n, points in ((1, 0.3), (2, 0.9), (3, 0.3), (4, 0.249))]
    scored.append((5, likeness(0.3, service_ids=(1,), cosine=0.09)))
    assert [one for one, _ in scoring.most_alike(scored)] == [2, 3, 1]


@pytest.mark.parametrize(
    ("one", "names", "starts"),
    [
        (likeness(0.2), [], []),
        (likeness(0.2, cosine=0.41), [], ["41%"]),
        (
            likeness(0.9, rules=("High5xx",), factors=("latent.guard",), cosine=0.05),
            ["Checkout"],
            ["Same service: Checkout", "Same alert rule: High5xx", "1 factor in common: missing guard"],
        ),
    ],
)
def test_reasons_are_words(one: Likeness, names: list[str], starts: list[str]) -> None:
    words = queries.reasons(one, names)
    assert len(words) == len(starts)
    assert all(text.startswith(start) for text, start in zip(words, starts, strict=True))
