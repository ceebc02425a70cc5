"""Fields of form bodies, URL-encoded or multipart (pure); a field may hold JSON."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from firebell.alerts.model import Json

MAX_FIELDS = 1_000
_BOUNDARY = re.compile(r"""boundary=(?:"([^"]{1,100})"|([^\s;,"]{1,100}))""", re.IGNORECASE)
_SNIFFED = re.compile(rb"\s*--([^\r\n]{1,100})\r?\ncontent-disposition:", re.IGNORECASE)
_NAME = re.compile(r"""[;\s]name=(?:"([^"]*)"|([^\s;]+))""", re.IGNORECASE)
_FILE = re.compile(r"[;\s]filename\*?=", re.IGNORECASE)
_MESSAGE_FIELDS = ("data", "payload", "json", "body")
"""Fields that may contain a whole JSON message."""


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    content: bytes
    is_file: bool


def urlencoded(text: str) -> dict[str, str] | None:
    """Return the fields of a URL-encoded form, or None if `text` is not one."""
    text = text.strip()
    if "=" not in text or "\n" in text or text.count("&") >= MAX_FIELDS:
        return None
    return dict(parse_qsl(text))


def boundary(body: bytes, content_type: str) -> bytes | None:
    """Return the boundary of a multipart body, from its type or its first lines, or None if it is not one."""
    if content_type.lower().startswith("multipart/") and (match := _BOUNDARY.search(content_type)):
        return (match[1] or match[2]).encode("latin-1", "replace")
    sniffed = _SNIFFED.match(body)
    return sniffed[1].strip() if sniffed else None


def multipart(body: bytes, mark: bytes, read: Callable[[bytes], Json]) -> Json:
    """Return the fields of a multipart body, or the JSON message in its file or `data` field.

    `read` parses the content of one field.
    """
    fields: dict[str, Json] = {}
    whole: Json = None
    for number, part in enumerate(_parts(body, mark)):
        value = read(part.content)
        if isinstance(value, dict | list) and (part.is_file or part.name in _MESSAGE_FIELDS):
            whole = value if whole is None else whole
        else:
            fields[part.name or f"part {number + 1}"] = value
    if isinstance(whole, dict):
        return {**fields, **whole}
    return fields if whole is None else whole


def _parts(body: bytes, mark: bytes) -> list[_Part]:
    pieces = (b"\r\n" + body.replace(b"\n--" + mark, b"\r\n--" + mark)).split(b"\n--" + mark, MAX_FIELDS + 1)
    parts = []
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, separator, content = piece.partition(b"\r\n\r\n")
        if not separator:
            head, separator, content = piece.partition(b"\n\n")
        if not separator:
            continue
        disposition = next(
            (line for line in head.decode("utf-8", "replace").splitlines() if "disposition" in line.lower()),
            "",
        )
        name = _NAME.search(disposition)
        is_file = _FILE.search(disposition) is not None
        parts.append(_Part((name[1] or name[2] or "") if name else "", content.rstrip(b"\r\n"), is_file))
    return parts
