"""Where the quoted sentence of a comment is now (pure)."""

from difflib import SequenceMatcher

SIMILAR_MIN = 0.8
_LINES_COMPARED_MAX = 400


def find_line(text: str, quote: str, at_line: int) -> int | None:
    """Return the line of a section in which a quote stands, None if it no longer exists.

    That is the line where it was, else the nearest line that has it, else the most similar one.
    """
    lines = text.split("\n")
    if not quote:
        return min(at_line, len(lines) - 1)
    exact = [number for number, line in enumerate(lines) if quote in line]
    if exact:
        return min(exact, key=lambda number: (abs(number - at_line), number))
    nearest = sorted(range(len(lines)), key=lambda number: abs(number - at_line))[:_LINES_COMPARED_MAX]
    best, ratio = None, SIMILAR_MIN
    for number in nearest:
        matcher = SequenceMatcher(None, lines[number].strip(), quote.strip(), autojunk=False)
        if matcher.real_quick_ratio() < ratio or matcher.quick_ratio() < ratio:
            continue
        exact_ratio = matcher.ratio()
        if exact_ratio > ratio or (best is None and exact_ratio >= ratio):
            best, ratio = number, exact_ratio
    return best
