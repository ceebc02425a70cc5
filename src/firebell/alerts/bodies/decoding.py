"""Decode the bytes of an inbound body, for every source (pure); repair what can be repaired, never raise."""

import json
import math
import re
from codecs import BOM_UTF8, register_error
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from firebell.alerts.bodies import form_body, tolerant_json
from firebell.alerts.model import Json

MAX_VALUES = 1_000_000
"""JSON values that one body may have; more would take too much memory."""
_SMALL_BYTES = 256 * 1024
"""The values of smaller bodies are not counted."""
EXCERPT_LENGTH = 4_096
_MAX_REPAIR_LENGTH = 1024 * 1024
"""Trailing commas are removed only from texts up to this length."""
_MAX_STRAY_BYTES = 1_000
"""A body with more bytes that are not UTF-8 is read as Windows-1252."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError)

_JSON_TYPE = re.compile(r"\s*[\w.-]+/(?:[\w.+-]+\+)?json\b", re.IGNORECASE)
_LOOKS_LIKE_JSON = re.compile(r"""\{|\[\s*(?:[\[{"'\]]|\Z)""")
_CHARSET = re.compile(r"""charset=["']?([\w.:-]{1,40})""", re.IGNORECASE)
_CHARSETS = re.compile(
    r"iso-?8859-?\d{1,2}|latin-?1|us-ascii|(windows|cp)-?\d{3,4}|koi8-[ru]"
    r"|shift_?jis|euc-(jp|kr)|gb(2312|k|18030)|big5",
    re.IGNORECASE,
)
_HALF_PAIR = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_ANY_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SPARE_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\Z))|,(?=\s*[}\]])', re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")
_STATE = re.compile(
    r"""["']?\b(?:status|state|action|event_action)["']?\s{0,20}[:=]\s{0,20}["']?(\w{1,40})""", re.IGNORECASE
)

_fast = msgspec.json.decode


class BodyFormat(StrEnum):
    """The format of a body."""

    JSON = "json"
    FORM = "form"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body.

    `value` is a JSON value, the fields of a form, or text. `error` is for the integration's owner. Unless
    `is_whole`, `value` ends at the first error, and `rest` is the text from there on. `text` is empty for valid
    JSON in UTF-8.
    """

    value: Json
    shape: BodyFormat = BodyFormat.JSON
    error: str | None = None
    text: str = ""
    rest: str = ""
    is_whole: bool = True


def decode(body: bytes, content_type: str = "") -> Decoded:
    """Return the decoded body; never raise."""
    if is_too_complex(body):
        reason = f"The body has more than {MAX_VALUES:,} values."
        excerpt = to_text(body[:EXCERPT_LENGTH])
        return Decoded({}, error=reason, text=excerpt, rest=excerpt, is_whole=False)
    try:
        return Decoded(_fast(body))
    except _UNREADABLE:
        return _decode_leniently(body, content_type)


def is_too_complex(body: bytes) -> bool:
    """Return True if decoding `body` could take too much memory."""
    return len(body) > _SMALL_BYTES and sum(map(body.count, (b",", b"[", b"{"))) > MAX_VALUES


def states(text: str) -> set[str]:
    """Return every status in `text`, at any depth, in lower case."""
    return {word.casefold() for word in _STATE.findall(text)}


def _decode_leniently(body: bytes, content_type: str) -> Decoded:
    if mark := form_body.boundary(body, content_type):
        fields = form_body.multipart(body, mark, _field)
        if fields:
            return Decoded(fields, BodyFormat.FORM, text=to_text(body, content_type))
    text = to_text(body, content_type).strip()
    is_typed = _JSON_TYPE.match(content_type) is not None
    if _LOOKS_LIKE_JSON.match(text) or (text[:1] in '["-0123456789NI' and (is_typed or text[:1] == '"')):
        decoded = _json(text)
        if not decoded.error or _LOOKS_LIKE_JSON.match(text):
            return decoded
    if _is_binary(text):
        return Decoded({}, BodyFormat.TEXT, "The body is neither JSON nor text.", text, is_whole=False)
    error = "The Content-Type is JSON, but the body is not." if is_typed and text else None
    if (fields := form_body.urlencoded(text)) is not None:
        return Decoded(fields, BodyFormat.FORM, error, text)
    return Decoded(text, BodyFormat.TEXT, error, text)


def _json(text: str) -> Decoded:
    text = _without_half_pairs(text)
    try:
        return Decoded(_fast(text.encode("utf-8", "replace")), text=text)
    except _UNREADABLE as exc:
        reason = str(exc)
    try:
        return Decoded(_lenient(text), text=text)
    except _UNREADABLE:
        partial = tolerant_json.read(text)
    if partial.is_complete and not partial.rest.strip():
        return Decoded(partial.value, text=text)
    error = f"This is not JSON: {reason}"
    return Decoded(partial.value, BodyFormat.JSON, error, text, partial.rest, partial.is_complete)


def _lenient(text: str) -> Json:
    """Return the value of nearly valid JSON, or a list for several values in a row; raise ValueError otherwise."""
    try:
        return _values(text)
    except ValueError:
        if len(text) > _MAX_REPAIR_LENGTH:
            raise
    return _values(_SPARE_COMMA.sub(r"\1", text))


def _values(text: str) -> Json:
    values, at = [], 0
    while at < len(text):
        value, at = _decoder.raw_decode(text, at)
        values.append(value)
        while text[at : at + 1].isspace():
            at += 1
    return values[0] if len(values) == 1 else values


def _number(digits: str) -> Json:
    return int(digits) if len(digits) < 19 else digits


def _real(digits: str) -> Json:
    value = float(digits)
    return value if math.isfinite(value) else digits


_decoder = json.JSONDecoder(strict=False, parse_int=_number, parse_float=_real, parse_constant=str)


def _field(content: bytes) -> Json:
    """Return the JSON object or list in a form field, or its text."""
    text = to_text(content)
    if text.lstrip()[:1] in ("{", "["):
        decoded = _json(text.strip())
        if decoded.error is None and isinstance(decoded.value, dict | list):
            return decoded.value
    return text


def _without_half_pairs(text: str) -> str:
    """Return `text` with escapes of unpaired surrogates replaced by U+FFFD."""
    if not _ANY_SURROGATE.search(text):
        return text
    return _HALF_PAIR.sub(lambda match: "\\ufffd" if match[1] else match[0], text)


def _is_binary(text: str) -> bool:
    head = text[:EXCERPT_LENGTH]
    return 10 * len(_CONTROL.findall(head)) > len(head)


def to_text(body: bytes, content_type: str = "") -> str:
    """Return `body` as text, decoded by its byte order mark or NULs, as UTF-8, as declared, or as Windows-1252."""
    encoding = json.detect_encoding(body)
    if encoding not in ("utf-8", "utf-8-sig"):
        return body.decode(encoding, "replace")
    body = body.removeprefix(BOM_UTF8)
    try:
        return body.decode()
    except UnicodeDecodeError:
        declared = _CHARSET.search(content_type)
    if declared and _CHARSETS.fullmatch(declared[1]):
        try:
            return body.decode(declared[1], "replace")
        except LookupError:
            pass
    replaced = body.decode("utf-8", "replace")
    if replaced.count("\ufffd") > _MAX_STRAY_BYTES:
        return body.decode("cp1252", "replace")
    return body.decode("utf-8", _AS_WINDOWS_1252)


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    """Decode a byte that is not UTF-8 as Windows-1252, and a surrogate in three bytes as U+FFFD."""
    assert isinstance(error, UnicodeDecodeError)
    rest = error.object[error.start : error.start + 3]
    if len(rest) == 3 and rest[0] == 0xED and rest[1] >= 0xA0 and rest[2] >= 0x80:
        return "\ufffd", error.start + 3
    return rest[:1].decode("cp1252", "replace"), error.start + 1


_AS_WINDOWS_1252 = "firebell.windows-1252"
register_error(_AS_WINDOWS_1252, _as_windows_1252)
