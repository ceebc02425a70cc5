"""Responses with files that people uploaded: no browser runs them, whatever they contain."""

from fastapi import Response

from firebell.kit.web.file_names import disposition

INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The media types that a browser may show inside a page; all others are downloads."""
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


def stored_file(content: bytes, name: str, media_type: str) -> Response:
    """Return an uploaded file: an image inline, anything else as a download, never as a document of this site."""
    how = "inline" if media_type in INLINE else "attachment"
    return Response(
        content,
        media_type=media_type,
        headers={
            "Content-Disposition": disposition(name, how),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
        },
    )
