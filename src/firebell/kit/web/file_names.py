"""The name of a download, for the header `Content-Disposition` (pure, RFC 6266)."""

from urllib.parse import quote


def disposition(name: str, how: str = "attachment") -> str:
    """Return the header of a file, whose name can have letters of any script: a header holds only ASCII."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in name)
    header = f'{how}; filename="{plain}"'
    return header if plain == name else f"{header}; filename*=UTF-8''{quote(name, safe='')}"
