"""The type of an attachment is that of its content, and its name leads nowhere."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.timeline.attachment_types import NAME_MAX_CHARS, media_type, safe_name

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "image/jpeg"),
        (b"GIF89a" + bytes(20), "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (gzip.compress(b"502", mtime=0), "application/gzip"),
        (b"02:31 \x1b[31m502 Bad Gateway\x1b[0m\n", "text/plain"),
        ("\ufeffrésumé".encode(), "text/plain"),
        (SVG, "text/plain"),
        (b"<!doctype html><script>alert(1)</script>", "text/plain"),
        (b"MZ\x90\x00\x03", None),
        (b"\x7fELF\x02\x01", None),
        (b"%PDF-1.7\n\xe2\xe3", None),
        (b"PK\x03\x04\x14\x00", None),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", None),
        (b"\xff\xfe0\x00", None),
        (b"", None),
    ],
)
def test_the_type_is_that_of_the_content(content: bytes, expected: str | None) -> None:
    assert media_type(content) == expected


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("graph.png", "image/png", "graph.png"),
        ("graph.PNG", "image/png", "graph.PNG"),
        ("graph.html", "image/png", "graph.png"),
        ("graph", "image/jpeg", "graph.jpg"),
        ("C:\\logs\\gateway.log", "text/plain", "gateway.log"),
        ("../../etc/passwd", "text/plain", "passwd"),
        ("a\r\nSet-Cookie: x.log", "text/plain", "aSet-Cookie: x.log"),
        ("..", "text/plain", "attachment"),
        ("", "image/png", "attachment.png"),
        ("errors.log.gz", "application/gzip", "errors.log.gz"),
    ],
)
def test_a_name_has_no_folder_and_fits_the_type(name: str, kind: str, expected: str) -> None:
    assert safe_name(name, kind) == expected


@given(st.text(max_size=400), st.sampled_from(["image/png", "text/plain", "application/gzip"]))
def test_any_name_becomes_a_short_one_that_is_kept(name: str, kind: str) -> None:
    safe = safe_name(name, kind)
    assert 0 < len(safe) <= NAME_MAX_CHARS + 4
    assert not set(safe) & set("/\\\r\n\x00")
    assert safe_name(safe, kind) == safe
