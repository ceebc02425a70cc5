"""Two people who edit one text never lose a line: the merge has it, or a conflict shows it."""

import os
import random

import pytest

from firebell.postmortems.editing.anchors import find_line
from firebell.postmortems.editing.three_way_merge import ConflictHunk, Merge, merge

TRIPLES = int(os.environ.get("FIREBELL_MERGE_TRIPLES", "1500"))
"""The number of random triples; the specification asks for 20,000."""


def lines(text: str) -> str:
    return "\n".join(text.split())


@pytest.mark.parametrize(
    ("base", "theirs", "mine", "merged"),
    [
        ("A B C", "A1 B C", "A B C2", "A1 B C2"),
        ("A B C", "A B1 C", "A B2 C", None),
        ("A B C", "A X C", "A X C", "A X C"),
        ("A B C", "A C", "A B2 C", None),
        ("a b", "a b c", "a b d", "a b c d"),
        ("A B", "A1 B", "A B1", None),
        ("A B C", "A B C D", "Z A B C", "Z A B C D"),
        ("A B C", "A B C", "A B2 C", "A B2 C"),
        ("A B C", "A B2 C", "A B C", "A B2 C"),
        ("A B C D E", "B C D E", "A B C D", "B C D"),
        ("A B C", "A C", "A C", "A C"),
        ("A B C", "A C", "A B C D", "A C D"),
    ],
)
def test_the_vectors_of_the_specification(base: str, theirs: str, mine: str, merged: str | None) -> None:
    result = merge(lines(base), lines(theirs), lines(mine))
    if merged is None:
        assert result.conflicts
        assert "<<<<<<< saved" in result.text
    else:
        assert (result.conflicts, result.text) == ((), lines(merged))


def test_a_conflict_has_the_lines_of_both_and_what_stood_there() -> None:
    result = merge("a\nb\nc\nd", "a\nB\nc\nd", "a\nb2\nc\nD")
    assert result.parts == (("a",), ConflictHunk(("b",), ("B",), ("b2",)), ("c",), ("D",))


def test_an_empty_side_is_a_change_like_others() -> None:
    assert merge("a", "", "a").text == ""
    assert merge("", "x", "y").conflicts
    assert merge("a\nb", "", "a\nb\nc").conflicts


def everything(result: Merge) -> list[str]:
    """Return every line that a merge shows to someone."""
    shown: list[str] = []
    for part in result.parts:
        shown += [*part.theirs, *part.mine] if isinstance(part, ConflictHunk) else part
    return shown


def edited(rng: random.Random, base: list[str], name: str) -> list[str]:
    """Return a text after some random insertions, deletions and changes."""
    text = list(base)
    for number in range(rng.randint(0, 4)):
        at = rng.randint(0, len(text))
        match rng.randint(0, 3):
            case 0:
                text.insert(at, f"{name}{number}")
            case 1 if text:
                del text[at % len(text)]
            case 2 if text:
                text[at % len(text)] += name
            case _:
                text[at:at] = [rng.choice(["", "x", "-"])]
    return text


def test_no_line_of_either_side_is_lost() -> None:
    rng = random.Random(20261124)  # noqa: S311 - the same triples in every run
    for _ in range(TRIPLES):
        base = [rng.choice(["a", "b", "c", "", "d d"]) for _ in range(rng.randint(0, 9))]
        theirs, mine = edited(rng, base, "T"), edited(rng, base, "M")
        texts = ("\n".join(base), "\n".join(theirs), "\n".join(mine))
        result, swapped = merge(*texts), merge(texts[0], texts[2], texts[1])
        shown = everything(result)
        for line in {*theirs, *mine} - {*base, ""}:
            assert line in shown, (texts, result)
        assert merge(texts[0], texts[1], texts[0]).text == texts[1]
        assert merge(texts[0], texts[0], texts[2]).text == texts[2]
        assert len(result.conflicts) == len(swapped.conflicts), texts
        assert sorted(everything(swapped)) == sorted(shown), texts


def test_many_equal_lines_take_no_time() -> None:
    blank = "\n" * 4000
    assert merge(blank, blank + "x", "y" + blank).parts


def test_a_quote_is_looked_for_where_it_was_then_nearby_then_by_likeness() -> None:
    text = "The pool was too small.\nNobody saw it.\nThe pool was too small."
    assert find_line(text, "The pool was too small.", 2) == 2
    assert find_line(text, "The pool was too small.", 0) == 0
    assert find_line(text, "No one saw it.", 0) is None
    assert (
        find_line("The connection pool was too small for it.", "The connection pool was too small.", 0) == 0
    )
    assert find_line("", "quote", 0) is None
    assert find_line("a\nb", "", 7) == 1
