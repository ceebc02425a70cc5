"""The decision tree: every one of the 81 inputs, and T4: a better answer never raises."""

import itertools
import subprocess
import sys

import pytest

from firebell.incidents.severity import QUESTIONS, Severity, classify, parse, severity

ANSWERS = (True, False, None)
ALL = list(itertools.product(ANSWERS, repeat=4))


def expected(
    down: bool | None, degraded: bool | None, workaround: bool | None, customers: bool | None
) -> int:
    if down in (True, None):
        return 0
    if degraded in (True, None):
        return 1 if workaround else 0
    return 3 if customers is False else 2


@pytest.mark.parametrize("answers", ALL)
def test_every_combination(answers: tuple[bool | None, ...]) -> None:
    down, degraded, workaround, customers = answers
    assert severity(down, degraded, workaround, customers) == expected(down, degraded, workaround, customers)
    verdict = classify(dict(zip((q.name for q in QUESTIONS), answers, strict=True)))
    assert verdict.severity == severity(down, degraded, workaround, customers)
    assert 1 <= len(verdict.path) <= 3


@pytest.mark.parametrize("answers", ALL)
def test_knowing_that_it_is_better_never_raises(answers: tuple[bool | None, ...]) -> None:
    better = (False, False, True, False)
    for i in range(4):
        if answers[i] is None:
            known = [*answers[:i], better[i], *answers[i + 1 :]]
            assert severity(*known) >= severity(*answers)


@pytest.mark.parametrize("text", ["SEV1", "sev1", "P1", "p1", "1", " 1 "])
def test_synonyms(text: str) -> None:
    assert parse(text) is Severity.SEV1


@pytest.mark.parametrize("text", ["", "SEV4", "-1", "one", "SEV11"])
def test_no_severity(text: str) -> None:
    assert parse(text) is None


def test_the_classifier_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, firebell.incidents.severity;"
        "print([m for m in sys.modules if m.split('.')[0] in ('fastapi', 'asyncpg', 'httpx', 'msgspec')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
