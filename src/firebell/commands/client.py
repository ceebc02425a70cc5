"""The HTTP client of the command line: the standard library alone, so that commands start at once."""

import json
import os
import tomllib
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from firebell.commands.output import REFUSED, UNREACHABLE, USAGE, Refused, Unreachable, echo, fail, wants_json

MARK = "X-Firebell-Api"
"""Header that every answer of Firebell's API carries."""
_OTHER = "Another service or a proxy answers there: check the address."


class _Stay(HTTPRedirectHandler):
    """Follows no redirect: the key is for the address that was given, and a POST must stay one."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = build_opener(_Stay)


def config_path() -> Path:
    """Return where `firebell login` keeps the address and the key."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "firebell" / "config.toml"


def seg(text: str) -> str:
    """Return a text as one segment of an address."""
    return quote(text, safe="")


def _stored() -> dict[str, Any]:
    path = config_path()
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        fail(f"{path} cannot be read: {error}", "Run 'firebell login URL' to write it again.", USAGE)


def target() -> tuple[str, str]:
    """Return the server's address and the key, from the environment or from `firebell login`.

    A stored key is sent to the server that it was stored for, and to no other.
    """
    stored = _stored()
    url = (os.environ.get("FIREBELL_URL") or stored.get("url", "")).rstrip("/")
    key = os.environ.get("FIREBELL_KEY") or (stored.get("key", "") if url == stored.get("url") else "")
    if not url:
        fail("No server is known.", "Run 'firebell login URL', or set FIREBELL_URL and FIREBELL_KEY.", USAGE)
    return url, key


def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
    """Call the API and return its JSON, or its CSV as text; end the command with a clear message when it refuses."""
    url, key = target()
    return call_at(url, key, method, path, body, **query)


def call_all(path: str, **query: Any) -> list[Any]:
    """Return a whole list, stretch by stretch."""
    return _walk(path, query, None)


def _walk(path: str, query: dict[str, Any], most: int | None) -> list[Any]:
    """Return a list, or its first `most` entries."""
    url, key = target()
    found: list[Any] = []
    address = f"{path}?{_encoded({**query, 'limit': min(500, most or 500)})}"
    while address and (most is None or len(found) < most):
        items, link = _request(url, key, "GET", address, None)
        found += items
        address = link.partition(">")[0].removeprefix("<")
    return found[:most]


def call_first(path: str, limit: int, **query: Any) -> list[Any]:
    """Return the first `limit` entries of a list; say on standard error when there are more."""
    entries = _walk(path, query, limit + 1)
    if len(entries) > limit and not wants_json():
        echo(f"Only the first {limit} are shown. Use --limit to see more.", err=True)
    return entries[:limit]


def call_at(url: str, key: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
    """Call the API of one server with one key."""
    encoded = _encoded(query)
    return _request(url, key, method, f"{path}?{encoded}" if encoded else path, body)[0]


def foreign(url: str) -> NoReturn:
    """End the command because something else than Firebell answers at `url`."""
    fail(f"{url} does not answer as Firebell does.", _OTHER, UNREACHABLE)


def _encoded(query: dict[str, Any]) -> str:
    return urlencode({name: value for name, value in query.items() if value is not None}, doseq=True)


def _request(url: str, key: str, method: str, address: str, body: Any) -> tuple[Any, str]:
    if not url.startswith(("http://", "https://")):
        fail(f"{url} is not a web address.", "Use https://firebell.example.org.", USAGE)
    if not (key.isascii() and key.isprintable()):
        fail("The key carries characters that no key has.", "Copy it again from Settings, API keys.", USAGE)
    headers = {"Accept": "application/json", "User-Agent": "firebell-cli"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    try:
        request = Request(url + address, data, headers, method=method)  # noqa: S310 - http(s), checked above
        with _opener.open(request, timeout=30) as answer:
            text, link = answer.read(), answer.headers.get("Link", "")
            if address.startswith("/api/") and answer.headers.get(MARK) is None:
                foreign(url)
            if answer.headers.get_content_type() == "text/csv":
                return text.decode(), link
        return (json.loads(text) if text else None), link
    except HTTPError as error:
        _refused(url, error)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        fail(f"{url} cannot be reached: {reason}", "Is Firebell running there?", UNREACHABLE)
    except ValueError as error:
        fail(f"{url} does not answer as Firebell does: {error}", _OTHER, UNREACHABLE)


def _refused(url: str, error: HTTPError) -> NoReturn:
    if 300 <= error.code < 400:
        where = error.headers.get("Location", "elsewhere")
        fail(f"{url} leads to {where}.", "Use that address: a key is sent to no other.", UNREACHABLE)
    try:
        told = json.loads(error.read())
        told["detail"] = told.get("detail") or told.get("message") or str(error.reason)
    except (ValueError, AttributeError, TypeError):
        said = f"{url} answered {error.code} {error.reason}."
        fail(said, "", UNREACHABLE if error.code >= 500 else REFUSED)
    # 503: nothing was stored, and the same command may work in a moment
    raise Unreachable(told) if error.code == 503 else Refused(told)
