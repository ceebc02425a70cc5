"""The parts of a document: sections, blocks, evidence and the tree of whys, whatever is written into them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.kit.findings import FindingLevel
from firebell.postmortems.blameless.lint import lint_sections
from firebell.postmortems.blameless.model import LintResult
from firebell.postmortems.document import whys
from firebell.postmortems.document.blocks import (
    block_lines,
    block_problems,
    chosen_entries,
    expand,
    timeline_block,
    with_choice,
)
from firebell.postmortems.document.evidence import claims_without_evidence, references
from firebell.postmortems.document.evidence_links import EvidenceLink, mark_links, with_evidence
from firebell.postmortems.document.factors import FACTORS, is_factor
from firebell.postmortems.document.sections import HEAD, join, split
from firebell.postmortems.guide.publication_obstacles import glyph, review
from firebell.postmortems.postmortem_list.document_text import indexed
from firebell.postmortems.text_limits import clean_body, clean_section

WHOLE = """\
# INC-7: Slow

## Summary

At 02:31 the pool was full [t:1].

## Impact

11,320 payments failed [p:2].

## Timeline

{{timeline}}

## Root cause

- effect: Payments failed [t:1]
  - why: The pool was full
    - root: Nothing compares the pools (factor: latent.guard) -> ACT-8

## What went well

The alert.

## What went wrong

Luck.

## Action items

{{actions}}
"""


@pytest.mark.parametrize(
    ("body", "slugs"),
    [
        ("", [HEAD]),
        ("text", [HEAD]),
        ("## A\n\nx\n\n## B", [HEAD, "a", "b"]),
        ("## Impact\n## Impact\n## Impact-1", [HEAD, "impact", "impact-1", "impact-1-1"]),
        ("## Head\n##\n## 🔥", [HEAD, "head-1", "section", "section-1"]),
        ("```\n## not one\n```\n## One", [HEAD, "one"]),
        ("~~~ x\n## no\n```\n~~~\n##\tTab ##", [HEAD, "tab"]),
        ("### deeper\n#hash\n##no", [HEAD]),
        ("## Ursache für Ausfälle\n## 原因", [HEAD, "ursache-für-ausfälle", "原因"]),
    ],
)
def test_a_document_is_split_at_its_headings(body: str, slugs: list[str]) -> None:
    assert [section.slug for section in split(body)] == slugs


def test_what_is_split_and_joined_stays_the_same() -> None:
    assert join(split(WHOLE)) == WHOLE
    assert join(split("a\n\n\n## B  \n\n\n\n  c\n\n")) == "a\n\n## B  \n\n  c\n"
    first, changed = split(WHOLE)[2], split(WHOLE.replace("11,320", "11,321"))[2]
    assert first.hash == split(join(split(WHOLE)))[2].hash != changed.hash


@pytest.mark.parametrize(
    "bad", ["x" * 200_001, "\n".join("x" * 5_001), "\n".join(["## x"] * 10_000), "\n".join(["## x"] * 51)]
)
def test_a_text_that_is_too_much_is_refused(bad: str) -> None:
    with pytest.raises(Invalid):
        clean_body(bad)


def test_a_section_begins_no_other() -> None:
    assert clean_section("a\r\n### b\x00") == "a\n### b"
    with pytest.raises(Invalid) as refused:
        clean_section("a\n## b")
    assert "Line 2" in refused.value.fields["text"]


def test_blocks_stand_alone_and_once() -> None:
    text = "{{timeline}}\n see {{timeline}}\n{{ measures }}\n```\n{{actions}}\n```\n{{timeline}}\n{{graph}}"
    assert [(block.name, block.line) for block in block_lines(text)] == [
        ("timeline", 0),
        ("measures", 2),
        ("timeline", 6),
        ("graph", 7),
    ]
    assert [line for line, _ in block_problems(text)] == [6, 7]
    expanded = expand(text, {"timeline": "T", "measures": "M", "actions": "A"})
    assert expanded == "T\n see {{timeline}}\nM\n```\n{{actions}}\n```\n{{timeline}}\n{{graph}}"


KEYS = ["t:412", "t:41", "p:7.31", "p:7.4", "r:3.4", "c:5", "s:2"]


@given(st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(["show", "hide", "reset"])), max_size=12))
def test_the_last_choice_of_each_entry_stands_in_the_block_and_is_read_back(
    changes: list[tuple[str, str]],
) -> None:
    text = "## Timeline\n\n {{timeline}}\n{{timeline }}\n\nAfter."
    for key, verb in changes:
        block = timeline_block(text)
        assert block
        text = with_choice(text, block, chosen_entries(text).with_changes(**{verb: [key]}))
    last = dict(changes)
    choice = chosen_entries(text)
    assert choice.shown == {key for key, verb in last.items() if verb == "show"}
    assert choice.hidden == {key for key, verb in last.items() if verb == "hide"}
    assert block_problems(text) == []
    assert expand(text, {"timeline": "T"}) == "## Timeline\n\n {{timeline}}\nT\n\nAfter."
    assert indexed("x", text, []).parts[3].split() == ["After.", "Timeline"], "no key is searched"
    assert not choice.with_changes(reset=None)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ("hide=t:1,t:2 show=c:5", 0),
        ("hide=t:1,", 1),
        ("hide=p:7", 1),
        ("show=r:3 only=t:1", 2),
        (f"hide={','.join(f't:{n}' for n in range(501))}", 1),
    ],
)
def test_a_block_says_which_entries_it_cannot_read(options: str, count: int) -> None:
    problems = block_problems(f"{{{{timeline {options}}}}}\n{{{{measures hide=t:1}}}}")
    assert [line for line, _ in problems] == [0] * count + [1]


def test_references_are_what_is_written_as_one() -> None:
    text = "[t:412] [r:3.4] [p:7][p:7] [x:1] [t:] [t:1](https://x) [s:2]: [a:0] [t:99999999999999999999]"
    assert [str(ref) for ref in references(text)] == ["t:412", "r:3.4", "p:7", "a:0"]


def test_unreadable_evidence_is_only_a_word() -> None:
    (ref,) = references("[t:1]")
    links = {ref: EvidenceLink("/incidents/INC-1#e-1", 'Jun: "full" <b>')}
    assert with_evidence("It was full [t:1], as [t:2] says.", links) == (
        'It was full [t:1](/incidents/INC-1#e-1 "Jun:  full   b "), as \\[evidence] says.'
    )
    assert with_evidence("`x`\n```\n[t:1]\n```", links) == "`x`\n```\n[t:1]\n```"
    assert with_evidence("Kept. <!-- ok: it is a quote -->", {}) == "Kept."
    assert mark_links('<a href="/x" title="y">t:1</a> <a href="/x">t:1 x</a>') == (
        '<a class="ev" href="/x" title="y">t:1</a> <a href="/x">t:1 x</a>'
    )


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("18% of payments failed.", 1),
        ("18% of payments failed [p:1].", 0),
        ("18% of payments failed [as Grafana shows](https://g.example).", 0),
        ("It failed because the pool was full. It was late.", 1),
        ("It failed [t:1]. It took 40 min.", 1),
        ("See INC-7 and SEV1.", 0),
        ("- one\n- 2 min\n- three", 1),
        ("| What | Count |\n| --- | --- |\n| Payments | 11,320 |\n| Mails | 12 [c:4] |", 1),
        ("```\n100 lines\n```", 0),
        ("1. First\n2. Second", 0),
        ("Nothing is known.", 0),
        ("{{measures}}", 0),
        ("The\npool had 400\nconnections.", 1),
    ],
)
def test_claims_need_evidence_in_their_sentence(text: str, claims: int) -> None:
    assert len(claims_without_evidence(text)) == claims


CHAIN = "- effect: E\n  - why: W\n    - root: R (factor: latent.guard) -> ACT-8"


def problems(text: str, severity: int = 1) -> list[tuple[int, FindingLevel]]:
    tree = whys.parse(text)
    checked = whys.check(tree, severity, lambda leaf: leaf.startswith("Tomás"))
    return [(problem.line, problem.level) for problem in checked]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CHAIN, []),
        ("- effect: E\n  - root: R (factor: latent.guard)", [(1, FindingLevel.WARNING)]),
        ("- why: W", [(0, FindingLevel.ERROR), (0, FindingLevel.WARNING)]),
        (f"{CHAIN}\n      - why: deeper", [(3, FindingLevel.ERROR)]),
        (
            CHAIN.replace("latent.guard", "latent.human_error"),
            [(2, FindingLevel.ERROR), (2, FindingLevel.INFO)],
        ),
        (CHAIN.replace("ACT-8", "ACT-0"), [(2, FindingLevel.ERROR)]),
        (CHAIN.replace("root: R", "root: Tomás forgot it"), [(2, FindingLevel.WARNING)]),
        ("- effect: E\n  - why: W\n    - root: R", [(2, FindingLevel.INFO)]),
        ("- effect: E\n  - effect: F\n    - open: O", [(1, FindingLevel.ERROR)]),
        ("no tree here", []),
    ],
)
def test_the_problems_of_a_tree_name_their_line(text: str, expected: list[tuple[int, FindingLevel]]) -> None:
    assert problems(text) == expected


def test_a_sev0_needs_a_second_branch() -> None:
    assert problems(CHAIN, 0) == [(2, FindingLevel.WARNING)]
    assert problems(f"{CHAIN}\n  - why: V\n    - root: S (factor: latent.test)", 0) == []


def test_a_tree_is_written_as_it_was_parsed() -> None:
    text = (
        "- effect: E [t:1] [p:2]\n  - why: W [c:3]\n    - root: R (factor: x.vendor) -> ACT-8, ACT-9\n"
        "    - open: Why?\n  - why: V"
    )
    tree = whys.parse(f"Intro.\n\n{text}\n\nOutro.")
    assert (tree.start, tree.end, whys.write(tree.effects)) == (2, 7, text)
    assert tree.factors == ["x.vendor"]
    assert [len(chain) for chain in tree.chains] == [3, 3, 2]


def test_the_numbered_whys_of_the_template_are_chains() -> None:
    text = (
        "Branch A:\n\n1. What made this possible? The pool.\n2. What made this possible? _..._\n\n"
        "Branch B:\n\n1. No alert.\n2. Why? No owner."
    )
    tree = whys.parse(text)
    assert [[node.text for node in chain] for chain in tree.chains] == [
        ["The pool."],
        ["No alert.", "No owner."],
    ]
    assert whys.parse("\n".join(f"{n}. x" for n in range(1, 2000))).chains


def test_a_tree_of_sixty_levels_is_a_problem_and_no_crash() -> None:
    text = "\n".join(f"{'  ' * n}- {'why' if n else 'effect'}: x{n}" for n in range(60))
    assert sum(level is FindingLevel.ERROR for _, level in problems(text)) == 40


def test_no_factor_names_a_person() -> None:
    assert is_factor("trigger.config")
    assert is_factor("x.vendor_lock")
    assert not is_factor("x.Vendor")
    assert not is_factor("latent.human_error")
    assert not any(word in code for code in FACTORS for word in ("human", "person", "error"))


def wording(body: str, people: tuple[str, ...] = ()) -> dict[str, LintResult]:
    parts = split(body)
    results = lint_sections([(part.title, part.text) for part in parts], people)
    return {part.slug: result for part, result in zip(parts, results, strict=True)}


def failed(body: str, people: tuple[str, ...] = ("Tomás Rivera",), **more: object) -> dict[str, FindingLevel]:
    document = review(body, 1, people, wording(body, people), **more)  # type: ignore[arg-type]
    return {check.id: check.level for check in document.checks if check.level}


def test_a_whole_document_passes_and_each_flaw_is_counted() -> None:
    assert failed(WHOLE) == {}
    assert failed(WHOLE.replace(" [p:2]", "")) == {"evidence-impact": FindingLevel.WARNING}
    assert failed(WHOLE.replace("## Impact", "## Effect"))["sections"] is FindingLevel.ERROR
    assert failed(WHOLE.replace("## Timeline", "## Impact"))["sections"] is FindingLevel.ERROR
    assert failed(f"{WHOLE}\n## Impact\n")["sections"] is FindingLevel.WARNING
    assert (
        failed(WHOLE.replace("Luck.", "Tomás should have checked the limit."))["wording"]
        is FindingLevel.ERROR
    )
    assert failed(WHOLE.replace(" -> ACT-8", "")) == {"roots": FindingLevel.WARNING}
    assert failed(WHOLE, known_refs=references("[t:1]")) == {"references": FindingLevel.ERROR}
    assert failed(WHOLE, blocking_comments=2) == {"comments": FindingLevel.ERROR}
    assert failed(WHOLE, unfinished=["Summary: what happened"]) == {"placeholders": FindingLevel.ERROR}
    assert failed(WHOLE.replace("{{actions}}", "{{graph}}")) == {"blocks": FindingLevel.WARNING}


def test_a_root_that_has_a_role_in_it_does_not_end_at_a_person() -> None:
    root = "No one is paged when the comms lead role stays empty"
    assert "whys" not in failed(WHOLE.replace("Nothing compares the pools", root))
    assert "whys" in failed(WHOLE.replace("Nothing compares the pools", "The engineer restarted it"))
    assert "whys" in failed(WHOLE.replace("Nothing compares the pools", "Tomás restarted it"))


def test_the_list_of_sections_shows_where_to_work() -> None:
    body = WHOLE.replace(" [p:2]", "").replace("Luck.", "")
    document = review(body, 1, (), wording(body))
    assert [glyph(document, slug) for slug in ("summary", "impact", "what-went-wrong", "none")] == [
        "done",
        "warn",
        "idle",
        "idle",
    ]
