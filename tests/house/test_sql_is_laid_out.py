"""Conditions of SQL stand under each other, four spaces inside their `where`."""

import re

from tests.house.source import SRC, modules

_START, _CONDITION = re.compile(r"( *)(where|having) "), re.compile(r"( *)(and|or) ")


def _misplaced(text: str) -> list[str]:
    """Return the conditions that directly follow a `where`, but elsewhere than four spaces inside it."""
    wrong, wanted = [], None
    for line in text.splitlines():
        if start := _START.match(line):
            wanted = len(start[1]) + 4
        elif wanted is not None and (condition := _CONDITION.match(line)):
            if len(condition[1]) != wanted:
                wrong.append(line.strip())
        else:
            wanted = None
    return wrong


def test_every_condition_stands_four_spaces_inside_its_where() -> None:
    wrong = {path.relative_to(SRC): _misplaced(path.read_text(encoding="utf-8")) for path, _ in modules()}
    assert {path: lines for path, lines in wrong.items() if lines} == {}
    assert _misplaced("where a = 1\n  and b = 2\n    and c = 3") == ["and b = 2"]
