"""Templates in Markdown: how they are found, filled, refused and planned."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.handbook import templates
from firebell.handbook.model import ChangeStep, OwnTemplate, Shipped, TemplateSource
from firebell.handbook.sample_values import SAMPLE
from firebell.kit.errors import Invalid

NOW = datetime(2026, 11, 24, tzinfo=UTC)
FILE = """# Messages

Some prose with `code` · and a dot.

## Inside

### First update

`update-first` · To everybody, at once.

```markdown
**{{ref}}** {{title}}
```

### No template

`just-code` is mentioned here.

```text
not a template
```

## Status page

### Investigating

`status-investigating` · Public.

````text
A fence inside:
```text
{{impact}}
```
````
"""
SHIPPED = {
    name: Shipped(name, name, "note", "group", f"shipped {name} {{{{title}}}}\n", 1)
    for name in ("update-first", "status-investigating", "postmortem", "regulator-x")
}
SHIPPED["regulator-x"] = Shipped("regulator-x", "R", "note", "group", "{{dpo_name}}\n", 1)


def own(name: str, body: str, source: TemplateSource) -> OwnTemplate:
    return OwnTemplate(name, body, source, "Mara", NOW)


def test_a_template_is_a_heading_an_id_with_a_note_and_a_fence() -> None:
    parsed, faults = templates.read(FILE)
    assert faults == {}
    assert [(t.id, t.title, t.group, t.note, t.line) for t in parsed] == [
        ("update-first", "First update", "Inside", "To everybody, at once.", 9),
        ("status-investigating", "Investigating", "Status page", "Public.", 27),
    ]
    assert parsed[0].body == "**{{ref}}** {{title}}\n"
    assert parsed[1].body == "A fence inside:\n```text\n{{impact}}\n```\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("## A\n\n`Update First` · x\n\n```text\na\n```\n", 3, "is not an id"),
        ("## A\n\n`one` · x\n\nNo fence here.\n", 3, "one has no text"),
        ("## A\n\n`one` · x\n\n```bash\nls\n```\n", 3, "`markdown` or `text`"),
        ("## A\n\n`one` · x\n", 3, "one has no text"),
        ("## A\n\n`one` · x\n\n```text\na\n```\n\n## B\n\n`one` · y\n\n```text\nb\n```\n", 11, "on line 3"),
    ],
)
def test_text_that_begins_like_a_template_but_is_not_one_is_named(text: str, line: int, message: str) -> None:
    _, faults = templates.read(text)
    assert list(faults) == [line]
    assert message in faults[line]


def test_a_slot_that_is_not_known_stays_and_nothing_is_filled_twice() -> None:
    slots = {"title": "Search {{ref}}", "ref": "INC-1"}
    assert templates.fill("{{title}} / {{ref}} / {{who}}", slots) == "Search {{ref}} / INC-1 / {{who}}"
    assert templates.slots("{{b}} {{a}} {{b}} {{ c }} {d}") == ["b", "a"]
    assert templates.parts("a {{b}}{{c}}") == [("a ", False), ("{{b}}", True), ("{{c}}", True)]


@given(st.text("{}ab \n", max_size=40))
def test_the_pieces_of_a_text_are_the_text(text: str) -> None:
    assert "".join(piece for piece, _ in templates.parts(text)) == text
    assert templates.fill(text, {}) == text


def refused(files: dict[str, str]) -> dict[str, str]:
    with pytest.raises(Invalid) as error:
        templates.gathered(files, SHIPPED)
    return error.value.fields


def one(name: str, body: str) -> str:
    return f"### T\n\n`{name}` · n\n\n```text\n{body}\n```\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{{titel}}", "update-first has no placeholder {{titel}}. Available: audience, cause,"),
        ("", "update-first is empty"),
        ("   ", "update-first is empty"),
        ("x" * 20_001, "at most 20,000"),
        ("{{timeline}}", "has no placeholder {{timeline}}"),
    ],
)
def test_a_text_that_cannot_be_used_is_named_by_file_and_line(body: str, message: str) -> None:
    fields = refused({"a.md": "# A\n", "b/c.md": "# C\n\n" + one("update-first", body)})
    assert list(fields) == ["b/c.md:5"]
    assert message in fields["b/c.md:5"]


def test_every_error_of_every_file_is_reported_at_once() -> None:
    fields = refused(
        {
            "a.md": one("update-firsst", "x") + "\n" + one("status-investigating", "{{x}}"),
            "b.md": one("update-first", "a"),
            "c.md": one("update-first", "b"),
        }
    )
    assert set(fields) == {"a.md:3", "a.md:11", "c.md:3"}
    assert "There is no template update-firsst. Use one of: update-first," in fields["a.md:3"]
    assert "another file" in fields["c.md:3"]


def test_files_without_any_template_are_refused() -> None:
    with pytest.raises(Invalid, match=r"README\.md"):
        templates.gathered({"README.md": "# Read me\n"}, SHIPPED)


def test_slots_depend_on_what_the_text_is_for() -> None:
    assert templates.fault(SHIPPED["postmortem"], "{{timeline}}") is None
    assert templates.fault(SHIPPED["regulator-x"], "{{dpo_name}} {{title}}") is None
    assert templates.fault(SHIPPED["update-first"], "{{dpo_name}}")


def steps(bodies: dict[str, str], before: list[OwnTemplate], **more: Any) -> dict[str, str]:
    plan = templates.plan(bodies, SHIPPED, before, **{"prune": False, **more})
    return {c.id: c.step.value for c in plan}


def test_a_repository_creates_changes_leaves_and_removes() -> None:
    before = [
        own("update-first", "old\n", TemplateSource.GIT),
        own("postmortem", "kept\n", TemplateSource.GIT),
        own("status-investigating", "in the app\n", TemplateSource.APP),
    ]
    assert steps({"update-first": "new\n", "regulator-x": "own\n"}, before) == {
        "update-first": "changed",
        "regulator-x": "created",
        "postmortem": "removed",
    }
    assert steps({"update-first": "old\n", "postmortem": "kept\n"}, before) == {
        "update-first": "unchanged",
        "postmortem": "unchanged",
    }
    pruned = steps({"update-first": "old\n"}, before, prune=True)
    assert pruned == {"update-first": "unchanged", "postmortem": "removed", "status-investigating": "removed"}


def test_the_shipped_text_word_for_word_is_not_kept() -> None:
    body = SHIPPED["update-first"].body
    assert steps({"update-first": body}, []) == {"update-first": "unchanged"}
    assert steps({"update-first": body}, [own("update-first", "x\n", TemplateSource.APP)]) == {
        "update-first": "removed"
    }


def test_a_text_that_the_app_and_the_repository_share_is_the_repositorys_from_then_on() -> None:
    plan = templates.plan(
        {"update-first": "x\n"}, SHIPPED, [own("update-first", "x\n", TemplateSource.APP)], prune=False
    )
    assert [(c.step, c.body) for c in plan] == [(ChangeStep.CHANGED, "x\n")]


def test_the_sample_fills_every_slot_that_the_program_fills() -> None:
    assert set(SAMPLE) == templates.INCIDENT | templates.POSTMORTEM | templates.HANDOFF
