"""What the style sheets must not do to those who read."""

import re

from tests.house.source import SRC

SHEETS = sorted((SRC / "static").glob("*.css"))
MOVES_AT_MOST_S = 5
"""WCAG 2.2, success criterion 2.2.2: what moves longer needs a way to stop it."""
_ANIMATION = re.compile(r"animation: \w+ ([0-9.]+)(m?s)([^;}]*)")


def test_nothing_moves_for_long() -> None:
    animations = [match for sheet in SHEETS for match in _ANIMATION.finditer(sheet.read_text())]
    assert animations
    for match in animations:
        number, unit, rest = match.groups()
        seconds = float(number) / (1000 if unit == "ms" else 1)
        times = float("inf") if "infinite" in rest else int((re.findall(r" (\d+)\b", rest) or ["1"])[0])
        assert seconds * times <= MOVES_AT_MOST_S, match.group()
