"""The severity classifier (spec 4.1): one function for web, API, command line and handbook (pure).

Imports the standard library alone, so that `firebell classify` starts at once and works offline.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum


class Severity(IntEnum):
    """SEV0 is the worst. P0 to P3 are accepted as synonyms."""

    SEV0 = 0
    SEV1 = 1
    SEV2 = 2
    SEV3 = 3


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the decision tree."""

    name: str
    text: str
    help: str


QUESTIONS = (
    Question(
        "down_or_data_at_risk",
        "Is production completely down, or is critical data at risk?",
        "Nobody can use it, payments are down, or data is being lost or exposed.",
    ),
    Question(
        "major_degraded",
        "Is major functionality degraded?",
        "Something that many customers need fails or is too slow, for example 15% errors.",
    ),
    Question(
        "workaround",
        "Is there a workaround?",
        "Customers can reach their goal in another way that they know of.",
    ),
    Question(
        "customers_impacted",
        "Are customers impacted at all?",
        "Even a small group, even a little.",
    ),
)


@dataclass(frozen=True, slots=True)
class SeverityFacts:
    """What a severity means. Times are in minutes; None means that there is no deadline."""

    meaning: str
    response: str
    roles: tuple[str, ...]
    commander_within: int | None
    update_every: int | None
    page: bool
    postmortem: bool


FACTS = {
    Severity.SEV0: SeverityFacts(
        meaning="Complete outage, critical data loss, or payments down",
        response="Page at once, around the clock: all hands and executives",
        roles=("commander", "comms", "sme", "scribe"),
        commander_within=5,
        update_every=15,
        page=True,
        postmortem=True,
    ),
    Severity.SEV1: SeverityFacts(
        meaning="Major degradation, for example 15% errors",
        response="Page now; a commander leads",
        roles=("commander", "sme"),
        commander_within=10,
        update_every=30,
        page=True,
        postmortem=True,
    ),
    Severity.SEV2: SeverityFacts(
        meaning="Minor: a small subset of customers",
        response="Email and chat, next business day",
        roles=("responder",),
        commander_within=None,
        update_every=60,
        page=False,
        postmortem=False,
    ),
    Severity.SEV3: SeverityFacts(
        meaning="Cosmetic, no customer impact",
        response="Ticket queue, a planned sprint",
        roles=("responder",),
        commander_within=None,
        update_every=None,
        page=False,
        postmortem=False,
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A severity, the path through the tree, and whether it rests on an unknown answer."""

    severity: Severity
    path: tuple[str, ...]
    provisional: bool


def severity(
    down_or_data_at_risk: bool | None,
    major_degraded: bool | None,
    workaround: bool | None,
    customers_impacted: bool | None,
) -> Severity:
    """Return the severity for four answers; None means "not known" and counts as the worse answer."""
    if down_or_data_at_risk is not False:
        return Severity.SEV0
    if major_degraded is not False:
        return Severity.SEV1 if workaround is True else Severity.SEV0
    return Severity.SEV3 if customers_impacted is False else Severity.SEV2


ANSWERS = {"yes": True, "no": False, "unknown": None}
"""The answers that forms and the API take, by word."""


def typed_answers(words: Mapping[str, str]) -> dict[str, bool | None]:
    """Return the answers in a form by question name; a question without one of the `ANSWERS` is absent."""
    return {q.name: ANSWERS[word] for q in QUESTIONS if (word := words.get(q.name, "")) in ANSWERS}


def asked(answers: Mapping[str, bool | None]) -> list[int]:
    """Return the indexes of the questions that the tree reaches with these answers, in order."""
    down, degraded = (answers.get(q.name) for q in QUESTIONS[:2])
    if down is not False:
        return [0]
    return [0, 1, 2 if degraded is not False else 3]


_WORSE = "not known, taken as the worse"


def classify(answers: Mapping[str, bool | None]) -> Verdict:
    """Return the verdict for answers by question name; a missing answer means "not known"."""
    down, degraded, workaround, customers = (answers.get(q.name) for q in QUESTIONS)
    path = []
    for index in asked(answers):
        question = QUESTIONS[index]
        answer = answers.get(question.name)
        answer_text = "yes" if answer else "no" if answer is False else _WORSE
        path.append(f"{question.text} {answer_text}.")
    unknown = any(answers.get(QUESTIONS[i].name) is None for i in asked(answers))
    return Verdict(severity(down, degraded, workaround, customers), tuple(path), unknown)


def suggest(answers: Mapping[str, bool | None]) -> Verdict | None:
    """Return the severity that a form suggests for answers by question name, None without an answer.

    Unlike in `classify`, an unknown answer counts as SEV2 at most: only known answers make it worse.
    """
    if not answers:
        return None
    verdict = classify(answers)
    worse = {q.name: q.name != "workaround" for q in QUESTIONS}
    worst, best = (
        int(severity(*(_known(answers.get(name), unknown) for name, unknown in guesses.items())))
        for guesses in (worse, {name: not value for name, value in worse.items()})
    )
    proposed = Severity(max(worst, min(best, Severity.SEV2)))
    path = tuple(line.replace(_WORSE, "not known") for line in verdict.path)
    if proposed != worst:
        path = (*path, f"It could be as bad as SEV{worst}. Select SEV{worst} if you think it is.")
    return Verdict(proposed, path, worst != best)


def _known(answer: bool | None, otherwise: bool) -> bool:
    return otherwise if answer is None else answer


def parse(text: str) -> Severity | None:
    """Return the severity of text such as `SEV1`, `sev1`, `P1` or `1`, None for anything else."""
    level = text.strip().casefold().removeprefix("sev").removeprefix("p")
    return Severity(int(level)) if level in ("0", "1", "2", "3") else None
