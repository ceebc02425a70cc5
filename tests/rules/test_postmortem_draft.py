"""The draft of a post-mortem: text from the timeline cannot change the structure of the document."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from firebell.demo.incidents import STORIES, Story, write_up
from firebell.handbook import shipped_content
from firebell.incidents.model import Incident, TimelineEntry
from firebell.incidents.timeline.mitigation_effects import what_helped
from firebell.kit.markdown import to_html
from firebell.postmortems.drafting import draft as drafts
from firebell.postmortems.drafting.facts import DraftSources
from firebell.postmortems.open_placeholders import unfinished
from tests.rules.budget import examples
from tests.rules.test_incidents_lifecycle import incident

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable("table")
SECTIONS = [
    "Summary",
    "Impact",
    "Timeline",
    "Root cause",
    "What went well",
    "What went wrong",
    "Action items",
]
NASTY = [
    "a | b | c",
    "ends with a backslash \\",
    "escaped already \\| pipe",
    "one\ntwo\n\nthree",
    "# A heading",
    "Set\n===",
    "Set\n---",
    "```\nnever closed",
    "~~~",
    "> quoted",
    "1. first",
    "12) twelfth",
    "- item",
    "| a | b |\n| --- | --- |\n| c | d |",
    "<script>alert(1)</script>",
    "<!-- hidden",
    "<img src=x onerror=alert(1)>",
    "[name]: https://example.org",
    "![pixel](https://example.org/p.png)",
    "## Action items",
    "\u2028# heading",
    "___",
    "_ _ _",
    "* * *",
    "a | b\n:--",
    "a\n:-:",
    "+ item",
    "\tindented",
]
STARTERS = "#|\\`<>-=*_:+~[]()!1.&\t\n "
"""Characters that begin Markdown blocks, and their surroundings."""
TEXTS = st.sampled_from(NASTY) | st.text(max_size=60) | st.text(STARTERS, max_size=30)


def draft(subject: Incident, timeline: list[TimelineEntry], services: list[str]) -> str:
    """Return the draft that the shipped template makes."""
    sources = DraftSources([subject], {subject.id: timeline}, services)
    return drafts.draft(shipped_content.shipped()["postmortem"].body, sources)


def entry(number: int, kind: str, text: str, actor: str = "Mara") -> TimelineEntry:
    at = NOW + timedelta(minutes=number)
    return TimelineEntry(number, at, at, kind, actor, 1, text, {})


def shape(tokens: list[Token]) -> list[tuple[str, str]]:
    """Return the blocks of a document without their words."""
    return [(t.type, t.tag) for t in tokens if t.type not in ("inline", "text")]


def headings(tokens: list[Token]) -> list[str]:
    return [tokens[i + 1].content for i, t in enumerate(tokens) if t.type == "heading_open" and t.tag == "h2"]


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["finding", "mitigation", "note", "update"]), TEXTS), max_size=6))
def test_no_entry_changes_the_shape_of_the_document(written: list[tuple[str, str]]) -> None:
    plain = [entry(i, kind, "words" if text.strip() else "") for i, (kind, text) in enumerate(written)]
    nasty = [entry(i, kind, text) for i, (kind, text) in enumerate(written)]
    expected = MARKDOWN.parse(draft(incident(), plain, ["Checkout"]))
    tokens = MARKDOWN.parse(draft(incident(), nasty, ["Checkout"]))
    assert shape(tokens) == shape(expected)
    assert headings(tokens) == SECTIONS


@settings(max_examples=examples(50), deadline=None)
@given(TEXTS, TEXTS, TEXTS)
def test_no_summary_title_or_service_changes_the_structure(text: str, title: str, service: str) -> None:
    def blocks(subject: Incident, services: list[str]) -> list[tuple[str, str]]:
        # a blank line ends a paragraph, wherever it is; nothing else may begin or end
        return [b for b in shape(MARKDOWN.parse(draft(subject, [], services))) if b[1] != "p"]

    shown = "words" if text.strip() else ""
    plain = incident(summary=shown, conditions=shown, title="words")
    nasty = incident(summary=text, conditions=text, title=title if title.split() else "words")
    named = [service] if service.split() else ["words"]
    assert blocks(nasty, named) == blocks(plain, ["words"])


@pytest.mark.parametrize("text", NASTY)
def test_a_summary_adds_no_section_and_no_html(text: str) -> None:
    subject = incident(summary=text, conditions=text, title="Slow | <b>search</b>")
    tokens = MARKDOWN.parse(draft(subject, [], ["A | B"]))
    assert headings(tokens) == SECTIONS
    assert not [t for t in tokens if t.type in ("html_block", "fence")]
    inline = [child.type for t in tokens if t.type == "inline" for child in t.children or []]
    assert not {"html_inline", "image"} & set(inline)


def test_what_is_read_is_what_was_written() -> None:
    html = to_html(draft(incident(), [entry(1, "finding", r"5 < 6 | C:\temp # not a heading")], []))
    assert r"5 &lt; 6 | C:\temp # not a heading" in html


def moved(number: int, came: str, to: str) -> TimelineEntry:
    """Return the entry of a change of phase."""
    return replace(entry(number, "phase", f"moved it to {to}"), data={"from": came, "to": to})


def test_what_had_no_effect_did_not_go_well() -> None:
    tried = [
        entry(1, "mitigation", "rolled back build 4812, no effect"),
        entry(2, "mitigation", "restarted the pods"),
        entry(3, "mitigation", "blocked the crawler, which helped a little"),
        entry(4, "mitigation", "limited checkout to five instances"),
    ]
    ended, back = moved(5, "mitigating", "monitoring"), moved(6, "monitoring", "mitigating")
    assert what_helped([*tried, ended]) == [
        "blocked the crawler, which helped a little",
        "limited checkout to five instances",
    ]
    assert what_helped(tried[:2]) == []
    assert what_helped([tried[1], tried[0], ended]) == []
    assert what_helped([tried[1], ended, back, moved(7, "mitigating", "monitoring")]) == []
    assert what_helped([entry(1, "mitigation", "It recovered by itself"), ended]) == []


@pytest.mark.parametrize(
    ("text", "helped"),
    [
        ("failed over to the replica", True),
        ("restarted the failed node", True),
        ("rolled back: didn't help", False),
        ("rolled back, did not help", False),
        ("the rollback failed.", False),
        ("no visible improvement after the restart", False),
        ("not effective", False),
    ],
)
def test_only_a_text_that_denies_an_effect_is_left_out(text: str, helped: bool) -> None:
    timeline = [entry(1, "mitigation", text), moved(2, "mitigating", "monitoring")]
    assert what_helped(timeline) == ([text] if helped else [])


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_a_post_mortem_of_the_demo_answers_both_branches(story: Story) -> None:
    text = write_up(draft(incident(), [], []), story, "30 November")
    cause = text.partition("## Root cause")[2].partition("\n## ")[0]
    branch_a, _, branch_b = cause.partition("Branch B")
    assert branch_a.count("What made this possible?") == len(story.whys)
    assert branch_b.count("What made this possible?") == 1
    for open_question in ("_..._", "Where were we lucky", "_a link_", "_What set it off"):
        assert open_question not in text


def test_known_times_are_listed_and_unknown_ones_marked() -> None:
    closed = incident(
        detected_at=NOW, declared_at=NOW + timedelta(minutes=4), closed_at=NOW + timedelta(hours=2)
    )
    text = draft(closed, [], [])
    assert "- Detected to declared: 4 min" in text
    assert "- Declared to closed: 1 h 56 min" in text
    assert "- Detected to end of impact: not known" in text
    assert "Services: none named." in text


def test_a_draft_of_an_earlier_version_still_lists_what_is_missing() -> None:
    body = "## Summary\n\n_In three sentences: what happened, whom it touched, what ended it._\n"
    assert unfinished(body, "") == [
        "Summary: In three sentences: what happened, whom it touched, what ended it."
    ]
