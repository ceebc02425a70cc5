"""The handbook is in plain American English: no phrase of the list, and short sentences where people speak or write."""

import re

import pytest
from tools import readability

from firebell.handbook import shipped_content
from firebell.kit.handbook_files import skill

BANNED = """
works again since | it has been working again since
we now study | we are reviewing
meanwhile, you | in the meantime, you
what you can do meanwhile | in the meantime
whom it touched | who was affected
marked the doubles | marked the duplicates
the plans that it upsets | your plans
waiting music | hold music
one person of yours | one of your people
i do not care whom | anyone will do
i don't care whom | anyone will do
you need not join | you don't need to join
do you take over | are you taking over
i come back at | I'll report back at
which time shall i write | what time should I put down
never everyone is new | they aren't all new at once
looks into a log | reads a log
what stops the pain | what would stop the harm
no honor | costs you nothing
looking who holds | checking who holds
on stilts | held together by a workaround
assume that you are read | assume that your chat is read
request the rise | request the increase
goes on beneath | goes on in between
what spoke against it | what made you hold off
when it runs out of time | if time runs short
is paid for already | you have already paid for it
none the goal | the goal is none
all four, four persons | four different people
later work of firebell | -
two hands on the keyboard | -
the one damping allowed | the only delay
telephone in hand | on a phone
may mean different nights | may mean different things
it is dearer | it costs more
just now? | right now
and then not any more | and not after that
the primary is well | the primary is healthy
lead the applications to | point the applications at
first in words | out loud first
no search engine does | -
leave the flags | omit
left away | omitted
with commas | comma-separated
next word | next update
by hand today | -
somebody | someone
whoever | the person who
"""
"""What a review of the first edition marked as translated, and what to write."""
BRITISH = re.compile(
    r"\b(?:organis|recognis|apologis|prioritis|colour|behaviour|favour|honour|centre|licence\b|programme|"
    r"unauthoris|demobilis|sceptic|wilful|cancelled|judgement)",
    re.IGNORECASE,
)
UNITS = re.compile(r"\d %|\d \$|\b\d+ (?:dollars|percent)\b")
_BANNED = [line.partition(" | ")[::2] for line in BANNED.strip().splitlines()]
CHAPTERS = {c.path: c.text for c in shipped_content.chapters()}


@pytest.mark.parametrize("path", CHAPTERS)
def test_no_phrase_of_the_list_stands_in_a_chapter(path: str) -> None:
    text = " ".join(CHAPTERS[path].lower().split())
    assert {phrase: better for phrase, better in _BANNED if re.search(rf"\b{re.escape(phrase)}", text)} == {}
    if not path.endswith(".py"):
        assert BRITISH.findall(CHAPTERS[path]) == []
        assert (
            UNITS.findall(re.sub(r"^```.*?^```$|`[^`]*`", "", CHAPTERS[path], flags=re.DOTALL | re.MULTILINE))
            == []
        )


def test_the_list_would_find_what_it_is_for() -> None:
    assert len(_BANNED) > 40
    assert BRITISH.search("an unauthorised Programme")
    assert UNITS.search("56 % and 14 $")


def test_what_people_say_and_what_customers_get_needs_nine_years_of_school_at_most() -> None:
    grades = readability.measured(readability.texts())
    assert grades["sent to customers"] <= 9
    assert grades["said aloud"] <= 9
    assert len(readability.to_customers(skill("examples/communication-templates.md"))) == 9
    spoken = [words for text in CHAPTERS.values() for words in readability.spoken(text)]
    assert len(spoken) > 200


def test_the_measure_of_reading_tells_easy_from_hard() -> None:
    easy = readability.grade(["We are sorry. Cards fail. You can pay by invoice."])
    hard = readability.grade(
        ["Notwithstanding considerable organizational deliberation, remediation necessitates prioritization."]
    )
    assert easy < 5 < 15 < hard


def test_customers_are_written_to_in_contractions_and_capital_letters() -> None:
    for body in readability.to_customers(skill("examples/communication-templates.md")):
        assert not re.search(r"\b(?:do not|does not|cannot|we are|it is|is not)\b", body, re.IGNORECASE), body
        greeting = re.search(r"^Dear .*,\n\n(\w)", body, re.MULTILINE)
        assert greeting is None or greeting[1].isupper()
