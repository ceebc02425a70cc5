"""The logos that a status page accepts: PNG, and SVG of a few harmless elements (pure; spec 7.9)."""

import re

import nh3

from firebell.kit.errors import Invalid
from firebell.status_pages.public.theme import PageLogo

MAX_BYTES = 200_000
MAX_SIDE_PX = 2000
_PNG = b"\x89PNG\r\n\x1a\n"
_SHAPES = {"svg", "g", "title", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon"}
_ATTRIBUTES = {
    *("xmlns", "viewBox", "width", "height", "fill", "fill-rule", "clip-rule", "fill-opacity", "opacity"),
    *("stroke", "stroke-width", "stroke-linecap", "stroke-linejoin", "stroke-opacity", "transform"),
    *("d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "points"),
}
_REFERENCE = re.compile(r"url\s*\(|[:\\]", re.IGNORECASE)


def checked_logo(data: bytes) -> PageLogo:
    """Return a logo as it is served; raise `Invalid` for anything but a PNG or an SVG of shapes."""
    if len(data) > MAX_BYTES:
        raise _invalid(f"The file has {len(data) // 1000} kB.", f"Use at most {MAX_BYTES // 1000} kB.")
    if data.startswith(_PNG):
        width, height = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
        if data[12:16] != b"IHDR" or not (0 < width <= MAX_SIDE_PX and 0 < height <= MAX_SIDE_PX):
            raise _invalid("The picture is too large.", f"Use at most {MAX_SIDE_PX} pixels on each side.")
        return PageLogo(data, "image/png")
    return PageLogo(_shapes_only(data).encode(), "image/svg+xml")


def _shapes_only(data: bytes) -> str:
    """Return an SVG rewritten with the allowed elements and attributes only."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = ""
    start = text.find("<svg")
    if start < 0:
        raise _invalid("The file is neither a PNG nor an SVG.", "Upload a PNG or an SVG.")
    cleaned = nh3.clean(
        text[start:],
        tags=_SHAPES,
        clean_content_tags={"script", "style"},
        attributes={"*": _ATTRIBUTES},
        attribute_filter=lambda _, name, value: (
            None if name != "xmlns" and _REFERENCE.search(value) else value
        ),
    ).strip()
    if not cleaned.startswith("<svg") or not cleaned.endswith("</svg>"):
        raise _invalid("The SVG can’t be read.", "Upload a plain SVG, or a PNG.")
    if "xmlns=" not in cleaned.partition(">")[0]:
        cleaned = cleaned.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return cleaned


def _invalid(problem: str, advice: str) -> Invalid:
    return Invalid(problem, fields={"logo": advice})
