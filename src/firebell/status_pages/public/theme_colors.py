"""The accent color of a status page, made readable on its light and its dark background (pure; spec 7.9)."""

import re

MIN_CONTRAST = 4.5
"""Of text, by WCAG 2.2 AA."""
LIGHT, DARK = "#faf9f7", "#12110f"
"""The backgrounds of the page."""
_COLOR = re.compile(r"#[0-9a-f]{6}")
_STEPS = 100


def is_color(text: str) -> bool:
    """Return True if a text is a color such as #0a7ea4."""
    return bool(_COLOR.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colors, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(color: str, background: str) -> str:
    """Return the color nearest to `color`, towards black or white, that is readable on the background."""
    towards = "#000000" if _luminance(background) > 0.5 else "#ffffff"
    mixes = (_mix(color, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(mix for mix in mixes if contrast(mix, background) >= MIN_CONTRAST)


def style_sheet(accent: str) -> str:
    """Return the style sheet of a page with this accent: its links and the line below its header.

    States keep their colors, so that a red brand does not look like an outage.
    """
    light, dark = readable(accent, LIGHT), readable(accent, DARK)
    return (
        "@media(forced-colors:none){"
        f":root{{--brand:light-dark({light},{dark})}}"
        ".pub :is(.sub,.ax,.prose,.upds,p,footer) a{color:var(--brand)}"
        ".pub-h{border-block-end:2px solid var(--brand);padding-block-end:var(--s3)}}\n"
    )


def _channels(color: str) -> list[int]:
    return [int(color[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(color: str) -> float:
    """Return the relative luminance of a color as WCAG defines it."""
    shares = [channel / 255 for channel in _channels(color)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(color: str, towards: str, share: float) -> str:
    channels = zip(_channels(color), _channels(towards), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in channels)
