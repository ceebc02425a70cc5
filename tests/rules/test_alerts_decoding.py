"""Decoding inbound bytes: what can be repaired is repaired, and the rest is limited and reported."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts.bodies import decoding, inflate, tolerant_json
from firebell.alerts.bodies.decoding import BodyFormat, decode

RESOLVE: dict[str, Any] = {"title": "Disk full", "dedup_key": "disk-7", "status": "resolved", "host": "Café"}
TEXT = json.dumps(RESOLVE, ensure_ascii=False)
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("latin-1"),
        TEXT.replace("}", ",}").encode(),
        TEXT.replace('"', "'").encode(),
        json.dumps(RESOLVE).encode() + b"\n\n",
    ],
    ids=["bom", "utf16", "utf16le", "utf16be", "utf32", "latin1", "spare comma", "single quotes", "newlines"],
)
def test_one_message_in_any_encoding_is_the_same_message(body: bytes) -> None:
    decoded = decode(body, "application/json")
    assert (decoded.value, decoded.error, decoded.is_whole) == (RESOLVE, None, True)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a":"Caf\\ud83d"}', {"a": "Caf\ufffd"}),
        (b'{"a":"\\ude00\\ud83d\\ude00\\\\ud83d"}', {"a": "\ufffd\U0001f600\\ud83d"}),
        (b'{"a":"x\xed\xa0\xbdy"}', {"a": "x\ufffdy"}),
        (b'{"a":1e9999,"b":2}', {"a": "1e9999", "b": 2}),
        (b'{"a":NaN,"b":[-Infinity]}', {"a": "NaN", "b": ["-Infinity"]}),
        (b'{"a":"two\nlines"}', {"a": "two\nlines"}),
        (b'{"a":[1,2,],}', {"a": [1, 2]}),
        (b'{"a":", ]","b":[1,],}', {"a": ", ]", "b": [1]}),
        (b'{"t":"x"}\n{"t":"y"}\n', [{"t": "x"}, {"t": "y"}]),
        (b"{'a': True, 'b': None}", {"a": True, "b": None}),
        (b"{a: 1, b: resolved}", {"a": 1, "b": "resolved"}),
        (b'{"a":"' + "ü".encode() + b'\xe9"}', {"a": "üé"}),
    ],
)
def test_almost_json_is_read_in_full(body: bytes, value: Any) -> None:
    decoded = decode(body)
    assert (decoded.value, decoded.shape, decoded.error) == (value, BodyFormat.JSON, None)


@pytest.mark.parametrize(
    ("body", "value", "rest"),
    [
        (b'{"key":"a","title":"He said "no"","x":1}', {"key": "a"}, 'no"","x":1}'),
        (b'{"alerts":[{"a":1},{"a":2},{"a":', {"alerts": [{"a": 1}, {"a": 2}]}, '{"a":'),
        (b'[{"a":1},{"a":"b', [{"a": 1}], '{"a":"b'),
        (b'{"a":1,"b":{"c":2,"d', {"a": 1, "b": {"c": 2}}, '"d'),
        (b"{broken", {}, ""),
    ],
)
def test_events_before_a_syntax_error_are_kept_and_none_is_half_read(
    body: bytes, value: Any, rest: str
) -> None:
    decoded = decode(body)
    assert (decoded.value, decoded.rest, decoded.is_whole) == (value, rest, False)
    assert decoded.error


def test_what_follows_a_whole_message_does_not_make_it_partial() -> None:
    decoded = decode(b'{"a":1} thank you')
    assert (decoded.value, decoded.is_whole) == ({"a": 1}, True)
    assert decoded.error


def test_text_in_brackets_is_text_unless_it_says_it_is_json() -> None:
    assert decode(b"[FIRING] Disk full") == decoding.Decoded(
        "[FIRING] Disk full", BodyFormat.TEXT, None, "[FIRING] Disk full"
    )
    typed = decode(b"Disk full", "application/json; charset=utf-8")
    assert (typed.value, typed.shape, typed.is_whole) == ("Disk full", BodyFormat.TEXT, True)
    assert typed.error


def test_bytes_that_are_not_text_are_not_a_title() -> None:
    decoded = decode(b"\x1f\x8b\x08\x00\x01\x02" * 10)
    assert (decoded.value, decoded.is_whole) == ({}, False)
    assert decoded.error


def test_a_declared_charset_is_used_and_no_other_codec() -> None:
    body = '{"a":"ディスク"}'.encode("shift_jis")
    assert decode(body, "application/json; charset=Shift_JIS").value == {"a": "ディスク"}
    for name in ("idna", "zip", "hex", "unicode_escape", "no-such", "utf-16"):
        assert decode(b'{"a":"\xe9"}', f"application/json; charset={name}").value == {"a": "é"}


PART = '--XX\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'


def parts(*fields: tuple[str, str, str]) -> bytes:
    return ("".join(PART.format(*field) for field in fields) + "--XX--\r\n").encode()


@pytest.mark.parametrize("content_type", ["multipart/form-data; boundary=XX", ""])
def test_a_multipart_form_is_its_fields_or_the_message_in_it(content_type: str) -> None:
    plain = parts(("title", "", "Disk full"), ("labels", "", '{"host":"a"}'))
    assert decode(plain, content_type).value == {"title": "Disk full", "labels": {"host": "a"}}
    file = parts(("f", '; filename="a.json"', '{"title":"x"}'), ("severity", "", "warning"))
    assert decode(file, content_type).value == {"severity": "warning", "title": "x"}
    kuma = parts(("data", "", '{"msg":"down",}'))
    assert decode(kuma, content_type).value == {"msg": "down"}


@pytest.mark.parametrize("window", [31, 15, -15])
def test_gzip_and_deflate_are_decompressed_and_a_wrong_header_is_ignored(window: int) -> None:
    deflater = zlib.compressobj(wbits=window)
    body = deflater.compress(TEXT.encode()) + deflater.flush()
    name = "gzip" if window == 31 else "deflate"
    assert inflate.inflate(body, name, MIB) == inflate.Inflated(TEXT.encode())
    assert inflate.inflate(TEXT.encode(), name, MIB) == inflate.Inflated(TEXT.encode())


def test_a_decompression_bomb_ends_at_the_limit_and_an_unknown_encoding_is_stored() -> None:
    bomb = gzip.compress(b"0" * 64 * MIB)
    inflated = inflate.inflate(bomb, "gzip", MIB)
    assert (inflated.is_too_large, len(inflated.body)) == (True, MIB)
    brotli = inflate.inflate(b"\x0b\x05\x80Disk", "br", MIB)
    assert (brotli.body, brotli.is_opaque) == (b"\x0b\x05\x80Disk", True)
    cut = inflate.inflate(gzip.compress(TEXT.encode() * 100)[:-20], "gzip", MIB)
    assert cut.error
    assert not cut.is_opaque


def test_a_body_of_too_many_values_is_not_expanded() -> None:
    decoded = decode(b"[" + b"[]," * decoding.MAX_VALUES + b"1]")
    assert (decoded.value, decoded.is_whole) == ({}, False)


@given(st.text("{}[],:\"' \\tfn1é", max_size=40))
def test_the_tolerant_reader_never_raises_and_never_passes_the_end(text: str) -> None:
    partial = tolerant_json.read(text)
    assert text.endswith(partial.rest)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=15,
    ).filter(lambda value: isinstance(value, dict | list)),
    st.integers(0, 200),
)
def test_the_tolerant_reader_agrees_with_json_and_takes_only_what_is_there(value: Any, cut: int) -> None:
    text = json.dumps(value)
    assert tolerant_json.read(text) == tolerant_json.Partial(value, "", is_complete=True)
    part = tolerant_json.read(text[:cut])
    if isinstance(value, list) and isinstance(part.value, list):
        assert part.value == value[: len(part.value)]


@given(st.binary(max_size=200), st.sampled_from(["", "application/json", "multipart/form-data; boundary=a"]))
def test_decoding_never_raises(body: bytes, content_type: str) -> None:
    decoded = decode(body, content_type)
    assert decoded.is_whole or decoded.error
