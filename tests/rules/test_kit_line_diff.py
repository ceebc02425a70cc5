"""What changed between two texts: by line, by word inside a line, with the lines around it."""

import pytest

from firebell.kit.line_diff import LINES_MAX, difference


def changed(before: str, after: str) -> list[tuple[str, str]]:
    return [(line.kind, line.text) for line in difference(before, after) if line.kind in ("added", "removed")]


def test_words_are_marked_and_what_is_far_is_skipped() -> None:
    before = "\n".join(["one two three", *map(str, range(20)), "end"])
    shown = difference(before, before.replace("two", "2").replace("end", "end\nmore"))
    assert [line.kind for line in shown if line.kind != "same"] == ["removed", "added", "skipped", "added"]
    assert ("2", True) in shown[1].parts
    assert shown[1].text == "one 2 three"


def test_lines_that_look_like_the_marks_of_a_patch_stay() -> None:
    old = "\n".join(f"line {i}" for i in range(30))
    new = old.replace("line 2\n", "line two\n").replace("line 25", "--- line 25")
    assert changed(old, new) == [
        ("removed", "line 2"),
        ("added", "line two"),
        ("removed", "line 25"),
        ("added", "--- line 25"),
    ]
    assert [line.text for line in difference(old, new) if line.kind == "skipped"] == [
        "16 unchanged lines",
        "1 unchanged line",
    ]
    assert len(difference(old, new, context=None)) == 32, "every line of both"


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ("", "", []),
        ("a", "a\n", []),
        ("", "a\nb\n", [("added", "a"), ("added", "b")]),
        ("a\n", "", [("removed", "a")]),
        ("a\n\n", "a\n", [("removed", "")]),
    ],
)
def test_ends_and_empty_texts(before: str, after: str, lines: list[tuple[str, str]]) -> None:
    assert changed(before, after) == lines
    assert difference(before, before, context=None) == []


def test_a_huge_difference_ends() -> None:
    shown = difference("", "x\n" * 6_000)
    assert (len(shown), shown[-1].kind) == (LINES_MAX + 1, "skipped")
