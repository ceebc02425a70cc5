"""The type of an attached file, by its content and never by its name or what a browser says (pure)."""

import unicodedata
from dataclasses import dataclass

MAX_BYTES = 2_500_000
"""The largest attachment; a request with one in base64 fits into `routing.MAX_BODY_BYTES`."""
MAX_FILES = 5
"""Number of files that one entry can have."""
NAME_MAX_CHARS = 120
ACCEPTED = "PNG, JPEG, GIF and WebP images, text and logs, and gzip files"
TEXT, GZIP = "text/plain", "application/gzip"
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x1f\x8b\x08", GZIP),
)
_EXTENSIONS = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    GZIP: (".gz", ".tgz"),
}
_ALLOWED_CONTROLS = frozenset("\t\n\r\f\x1b")
"""Control characters that logs have; the escape character begins their colors."""


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file to attach, as it was sent."""

    name: str
    content: bytes


def media_type(content: bytes) -> str | None:
    """Return the media type of a file, None if it is not accepted.

    HTML, SVG and scripts are text like any other: they are stored as `text/plain` and no browser runs them.
    """
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return TEXT if _is_text(content) else None


def _is_text(content: bytes) -> bool:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    controls = {character for character in set(text) if unicodedata.category(character) == "Cc"}
    return bool(text) and controls <= _ALLOWED_CONTROLS


def safe_name(name: str, kind: str) -> str:
    """Return the file name without its folder and control characters, with an extension that fits the type."""
    base = name.replace("\\", "/").rpartition("/")[2]
    base = "".join(c for c in unicodedata.normalize("NFC", base) if unicodedata.category(c)[0] != "C")
    base = " ".join(base.split()).strip(". ")
    stem, dot, extension = base.rpartition(".")
    fitting = _EXTENSIONS.get(kind, ())
    if not base:
        base = "attachment"
    if fitting and f".{extension.casefold()}" not in fitting:
        base = f"{(stem if dot else base) or 'attachment'}{fitting[0]}"
    if len(base) <= NAME_MAX_CHARS:
        return base
    ending = base[base.rindex(".") :] if "." in base[-10:] else ""
    return base[: NAME_MAX_CHARS - len(ending)].rstrip() + ending
