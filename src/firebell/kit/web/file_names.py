"""The `Content-Disposition` header of a download (pure, RFC 6266)."""

from urllib.parse import quote


def disposition(name: str, how: str = "attachment") -> str:
    """Return the header for a file name in any script, as ASCII."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    header = f'{how}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"
