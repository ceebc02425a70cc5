"""Chapters as data: anchors as GitHub makes them, tables, search."""

import pytest

from firebell.handbook import chapter_html, section_search, shipped_content, start_page
from firebell.handbook import chapter_parser as handbook_chapters
from firebell.handbook.model import Chapter

TEXT = """---
name: x
description: >-
  Two lines
  of words
---

# Incident roles

Who does what.

## Who fills what

| Role | SEV0 |
| --- | --- |
| Commander | **required** within `5 min` |

### The first 5 minutes: "say it"

- [ ] Say your name

## Who fills what

The commander delegates. See [the table](severity.md#the-table).

```bash
firebell incident role INC-1 commander
```

## Über_alles – naïve?

Nothing.
"""


def test_front_matter_is_not_shown() -> None:
    chapter = handbook_chapters.chapter("references/incident-roles.md", TEXT)
    assert (chapter.slug, chapter.title) == ("references/incident-roles", "Incident roles")
    assert chapter.text.lstrip().startswith("# Incident roles")
    assert handbook_chapters.chapter("SKILL.md", TEXT).slug == ""


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("# Roles of `INC-1`\n\n# Later", "Roles of INC-1"),
        ("# Roles\r\n\r\nText", "Roles"),
        ("# Roles in [the guide][1]\n\n[1]: severity.md", "Roles in the guide"),
        ("A paragraph first.\n\n# Roles", "Roles"),
        ("Roles\n=====\n\n# Later", "Roles"),
        ("## Level two\n\n# Roles", "Roles"),
        ("No heading", "references/x.md"),
    ],
)
def test_a_chapter_is_titled_by_its_first_heading(text: str, title: str) -> None:
    assert handbook_chapters.chapter("references/x.md", text).title == title


def test_anchors_are_those_of_github() -> None:
    assert [(h.level, h.anchor) for h in handbook_chapters.headings(TEXT)] == [
        (1, "incident-roles"),
        (2, "who-fills-what"),
        (3, "the-first-5-minutes-say-it"),
        (2, "who-fills-what-1"),
        (2, "über_alles--naïve"),
    ]


def test_a_table_is_read_under_its_heading_as_plain_words() -> None:
    assert handbook_chapters.table(TEXT, "Who fills what") == [
        ["Role", "SEV0"],
        ["Commander", "required within 5 min"],
    ]
    with pytest.raises(KeyError, match="Phases"):
        handbook_chapters.table(TEXT, "Phases")


def chapters() -> list[Chapter]:
    more = "# Workflow\n\nA commander is here.\n\n## Phases\n\nEach phase has a guard.\n"
    return [
        handbook_chapters.chapter("references/incident-roles.md", TEXT),
        handbook_chapters.chapter("references/workflow.md", more),
    ]


def matches(query: str) -> list[tuple[str, str]]:
    return [(h.chapter.title, h.heading.anchor) for h in section_search.search(chapters(), query)]


def test_search_wants_every_word_and_ranks_headings_first() -> None:
    assert matches("phase")[0] == ("Workflow", "phases")
    assert matches("commander delegates") == [("Incident roles", "who-fills-what-1")]
    assert matches("COMMAND deleg") == [("Incident roles", "who-fills-what-1")]
    assert matches("commander zebra") == []
    assert matches("") == matches("  ... ") == []
    assert ("Incident roles", "who-fills-what") in matches("required")


def test_a_result_marks_the_matching_word() -> None:
    text = "word " * 100 + "needle in it " + "more " * 100
    pieces = section_search.snippet(text, ["need"])
    assert pieces[1] == "needle"
    assert pieces[0].startswith("… ")
    assert pieces[-1].endswith(" …")
    assert len("".join(pieces)) < 260
    assert section_search.snippet("", ["x"]) == ("",)


def test_what_was_searched_for_cannot_become_html() -> None:
    assert chapter_html.snippet(("<b>", "<i>", "x")) == "&lt;b&gt;<mark>&lt;i&gt;</mark>x"


@pytest.mark.parametrize(
    ("path", "href", "leads"),
    [
        (
            "SKILL.md",
            "references/incident-roles.md#who-fills-what",
            "/handbook/references/incident-roles#who-fills-what",
        ),
        ("references/incident-roles.md", "../SKILL.md", "/handbook/SKILL"),
        ("references/incident-roles.md", "incident-workflow.md", "/handbook/references/incident-workflow"),
        ("SKILL.md", "scripts/classify-severity.py", "/handbook/scripts/classify-severity"),
        ("SKILL.md", "#severity", "#severity"),
        ("SKILL.md", "https://example.org/x.md", "https://example.org/x.md"),
        ("SKILL.md", "/incidents/new", "/incidents/new"),
        ("SKILL.md", "../../README.md", "../../README.md"),
    ],
)
def test_links_between_files_lead_to_pages(path: str, href: str, leads: str) -> None:
    assert chapter_html.target(path, href) == leads


def test_the_start_page_leads_to_every_chapter_once_and_its_links_lead_somewhere() -> None:
    shown = [c.path for chapters in start_page.shelves().values() for c in chapters]
    shown += [c.path for c in (*start_page.runbooks(), *start_page.programs())]
    assert sorted(shown) == sorted(c.path for c in shipped_content.chapters() if c.path != "SKILL.md")
    for path in (*(r.path for r in start_page.ROLES), *(path for _, path in start_page.NEWCOMERS)):
        file, _, anchor = path.partition("#")
        if not file.startswith("/"):
            chapter = shipped_content.chapter(file)
            assert not anchor or anchor in {h.anchor for h in handbook_chapters.headings(chapter.text)}, path
    assert [s.number for s in start_page.severities()] == [0, 1, 2, 3]
    assert start_page.severities()[1].response == "Page now; a commander leads"
    assert all(1 <= start_page.minutes(c) < 60 for c in shipped_content.chapters())


def test_the_cells_of_wide_tables_carry_their_column_for_phones() -> None:
    html = chapter_html.rendered("references/severity-classification.md")
    assert '<td data-label="Situation">Payments: every card' in html
    narrow = html.partition("Is production completely down")[0].rpartition("<table")[2]
    assert not narrow.startswith(' class="reflow"'), "two columns fit"


def test_every_chapter_is_rendered_with_its_anchors_and_no_link_to_a_file() -> None:
    for chapter in shipped_content.chapters():
        if chapter.is_code:
            continue
        html = chapter_html.rendered(chapter.path)
        for heading in handbook_chapters.headings(chapter.text):
            assert f'id="{heading.anchor}"' in html, chapter.path
        assert '.md"' not in html
        assert ".md#" not in html
        assert "<script" not in html
