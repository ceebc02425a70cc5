"""The badge of a status page as SVG, for a README or a dashboard (pure; spec 7.8)."""

from html import escape

LABEL_MAX_CHARS = 40
COLORS = {
    "ok": ("#1a7f37", "operational"),
    "degraded": ("#9a6700", "degraded"),
    "outage": ("#b42318", "outage"),
    "maintenance": ("#1f5fbf", "maintenance"),
    "monitoring": ("#9a6700", "monitoring"),
    "unknown": ("#5c5954", "unknown"),
}
"""The color and the word of each state; every color is readable under white text."""
_NARROW, _WIDE = "iljft.,:;|!'()[] ", "mwMW@%"


def _attribute(value: str) -> str:
    return f'"{escape(value)}"'


def _width(text: str) -> int:
    """Return the width of a text in pixels, at 11 px."""
    return round(sum(4 if c in _NARROW else 10 if c in _WIDE else 7 for c in text))


def badge(label: str, state: str) -> str:
    """Return a badge that says `label` and the word of the state."""
    label = " ".join(label.split())[:LABEL_MAX_CHARS]
    color, word = COLORS[state]
    left, right = _width(label) + 14, _width(word) + 14
    name = f"{label}: {word}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f" aria-label={_attribute(name)}>"
        f"<title>{escape(name)}</title>"
        f'<rect width="{left + right}" height="20" rx="4" fill="#33312e"/>'
        f'<path d="M{left} 0h{right - 4}a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4h-{right - 4}z" fill="{color}"/>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f'<text x="{left / 2:g}" y="14">{escape(label)}</text>'
        f'<text x="{left + right / 2:g}" y="14">{word}</text></g></svg>\n'
    )
