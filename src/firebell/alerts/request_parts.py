"""The parts of a request to an inbound address: its path, its query and the key in its header (pure)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from starlette.types import Scope

MAX_QUERY_FIELDS = 100


def path_segments(scope: Scope) -> list[str]:
    """Return the decoded segments of a path; an encoded slash is part of its segment (spec 9.1, G1)."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return [unquote(segment) for segment in raw.split(b"?")[0].decode("latin-1").strip("/").split("/")]


def query_fields(scope: Scope) -> list[tuple[str, str]] | None:
    """Return the parameters of the query in their order, or None if there are too many."""
    try:
        return parse_qsl(scope.get("query_string", b"").decode("latin-1"), max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return None


def authorization(headers: Mapping[bytes, bytes], scheme: str) -> str:
    """Return what follows the scheme in the Authorization header, or an empty string for another scheme."""
    stated, _, key = headers.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
    return key.strip() if stated.lower() == scheme else ""
