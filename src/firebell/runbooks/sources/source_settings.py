"""What a person may enter for a runbook source (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_text
from firebell.runbooks.sources.model import DEFAULT_PATHS, MIN_POLL_S, SourceKind

NAME_MAX_CHARS = 100
URL_MAX_CHARS = 500
REF_MAX_CHARS = 200
TOKEN_MAX_CHARS = 2000
PATHS_MAX = 20
PATH_MAX_CHARS = 200
MAX_POLL_S = 24 * 3600
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """The checked settings of a new source."""

    kind: SourceKind
    name: str
    url: str
    ref: str
    paths: tuple[str, ...]
    token: str
    poll_s: int


def clean(
    kind: SourceKind, name: str, url: str, ref: str, paths: Sequence[str], token: str, poll_s: int
) -> SourceSettings:
    """Return the settings of a source; raise `Invalid` naming the field."""
    clean_name = clean_text(name, NAME_MAX_CHARS, "name").strip()
    if not clean_name:
        raise _invalid("name", "The source has no name.", "Enter a name, such as Operations.")
    clean_address = _clean_url(kind, url)
    return SourceSettings(
        kind,
        clean_name,
        clean_address,
        _clean_ref(ref) if kind is SourceKind.GIT else "",
        _clean_paths(paths),
        clean_token(token, clean_address) if kind is SourceKind.GIT else "",
        _clean_poll(poll_s),
    )


def clean_token(token: str, url: str) -> str:
    """Return an access token; raise `Invalid` if it is not one, or if it would travel without encryption."""
    stripped = token.strip()
    if len(stripped) > TOKEN_MAX_CHARS or not stripped.isprintable():
        raise _invalid("token", "This is not an access token.", "Paste the token without line breaks.")
    parts = urlsplit(url)
    if stripped and parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise _invalid("url", "An access token must not travel without encryption.", "Use https://.")
    return stripped


def _invalid(field: str, message: str, advice: str) -> Invalid:
    return Invalid(message, fields={field: advice})


def _clean_paths(paths: Sequence[str]) -> tuple[str, ...]:
    patterns = list(dict.fromkeys(p.strip() for p in paths if p.strip())) or list(DEFAULT_PATHS)
    wrong = [p for p in patterns if not _is_pattern(p)]
    if wrong or len(patterns) > PATHS_MAX:
        raise _invalid(
            "paths",
            f"{wrong[0][:100]!r} is not a pattern for paths." if wrong else "There are too many paths.",
            f"Enter up to {PATHS_MAX} patterns below the root, such as 'runbooks/**/*.md'.",
        )
    return tuple(patterns)


def _is_pattern(text: str) -> bool:
    is_below = not text.startswith("/") and ".." not in text.split("/")
    return is_below and text.isprintable() and len(text) <= PATH_MAX_CHARS


def _clean_url(kind: SourceKind, url: str) -> str:
    if kind is SourceKind.PUSH:
        return ""
    if kind is SourceKind.DIRECTORY:
        path = url.strip().strip("/")
        if not path.isprintable() or ".." in path.split("/") or len(path) > URL_MAX_CHARS:
            raise _invalid(
                "url", "This is not a directory.", "Enter a path below FIREBELL_RUNBOOK_DIRECTORY."
            )
        return path or "."
    address = check_url(url, "url")
    parts = urlsplit(address)
    if len(address) > URL_MAX_CHARS or parts.query or parts.fragment:
        raise _invalid("url", "This is not the address of a repository.", "Use https://host/owner/name.git.")
    return address


def _clean_ref(ref: str) -> str:
    name = ref.strip()
    if len(name) > REF_MAX_CHARS or any(c in " ~^:?*[\\" or not c.isprintable() for c in name):
        raise _invalid("ref", f"{name[:100]!r} is not a branch or tag.", "Enter a name such as main.")
    return name


def _clean_poll(poll_s: int) -> int:
    if not MIN_POLL_S <= poll_s <= MAX_POLL_S:
        raise _invalid(
            "poll_s",
            f"{poll_s} seconds is not a valid sync interval.",
            f"Enter {MIN_POLL_S} to {MAX_POLL_S} seconds.",
        )
    return poll_s
