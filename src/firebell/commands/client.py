"""The HTTP client of the command line, from the standard library alone, so that commands start fast."""

import json
import os
import time
import tomllib
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener
from uuid import uuid4

from firebell.commands.output import (
    REFUSED,
    UNREACHABLE,
    USAGE,
    CommandFailed,
    Unreachable,
    echo,
    fail,
    wants_json,
)

API_HEADER = "X-Firebell-Api"
"""Header of every response of Firebell's API."""
_WRONG_SERVER_HINT = "Another service or a proxy answers there. Check the address."


class _NoRedirects(HTTPRedirectHandler):
    """Follow no redirect: the key is only for the given address, and a POST must stay a POST."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = build_opener(_NoRedirects)


def config_path() -> Path:
    """Return the path of the file in which `firebell login` saves the address and the key."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "firebell" / "config.toml"


def seg(text: str) -> str:
    """Return text quoted as one path segment of a URL; bytes that aren't UTF-8 become question marks."""
    return quote(text, safe="", errors="replace")


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

    A saved key is only returned with the server that it was saved for.
    """
    stored = _stored()
    url = (os.environ.get("FIREBELL_URL") or stored.get("url", "")).rstrip("/")
    key = os.environ.get("FIREBELL_KEY") or (stored.get("key", "") if url == stored.get("url") else "")
    if not url:
        fail("Not signed in.", "Run 'firebell login URL', or set FIREBELL_URL and FIREBELL_KEY.", USAGE)
    return url, key


def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
    """Call the API and return its JSON, or its CSV as text; end the command with a clear message when it refuses."""
    url, key = target()
    return call_at(url, key, method, path, body, **query)


def call_once(path: str, body: Any) -> Any:
    """Call the API with POST and return its JSON; repeated after a lost answer, it still takes effect once.

    It is sent up to three times with the same idempotency key.
    """
    url, key = target()
    headers = {"Idempotency-Key": uuid4().hex}
    for pause_s in (1, 2):
        try:
            return _request(url, key, "POST", path, body, headers)[0]
        except Unreachable:
            time.sleep(pause_s)
    return _request(url, key, "POST", path, body, headers)[0]


def call_all(path: str, **query: Any) -> list[Any]:
    """Return every entry of a list, following its pagination links."""
    return _walk(path, query, None)


def _walk(path: str, query: dict[str, Any], limit: int | None) -> list[Any]:
    """Return a list, or its first `limit` entries."""
    url, key = target()
    entries: list[Any] = []
    address = f"{path}?{_encoded({**query, 'limit': min(500, limit or 500)})}"
    while address and (limit is None or len(entries) < limit):
        items, link = _request(url, key, "GET", address, None)
        entries += items
        address = link.partition(">")[0].removeprefix("<")
    return entries[:limit]


def call_first(path: str, limit: int, **query: Any) -> list[Any]:
    """Return the first `limit` entries of a list; note on standard error when there are more."""
    entries = _walk(path, query, limit + 1)
    if len(entries) > limit and not wants_json():
        echo(f"Showing the first {limit}. Use --limit to see more.", err=True)
    return entries[:limit]


def call_at(url: str, key: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
    """Call the API of one server with one key."""
    encoded = _encoded(query)
    return _request(url, key, method, f"{path}?{encoded}" if encoded else path, body)[0]


def foreign(url: str) -> NoReturn:
    """End the command because `url` is not a Firebell server."""
    fail(f"{url} did not answer like a Firebell server.", _WRONG_SERVER_HINT, UNREACHABLE)


def fetch(path: str, **query: Any) -> bytes:
    """Return the bytes of a file that the API sends; end the command with a clear message when it refuses."""
    url, key = target()
    content: bytes = _request(url, key, "GET", f"{path}?{_encoded(query)}", None, is_file=True)[0]
    return content


def _encoded(query: dict[str, Any]) -> str:
    given = {name: value for name, value in query.items() if value is not None}
    return urlencode(given, doseq=True, errors="replace")


def _request(
    url: str,
    key: str,
    method: str,
    address: str,
    body: Any,
    more_headers: Mapping[str, str] | None = None,
    *,
    is_file: bool = False,
) -> tuple[Any, str]:
    if not url.startswith(("http://", "https://")):
        fail(f"{url} is not a web address.", "Use an address such as https://firebell.example.org.", USAGE)
    if not (key.isascii() and key.isprintable()):
        fail("The API key contains invalid characters.", "Copy it again from Settings, API keys.", USAGE)
    headers = {
        "Accept": "*/*" if is_file else "application/json",
        "User-Agent": "firebell-cli",
        **(more_headers or {}),
    }
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    try:
        request = Request(url + address, data, headers, method=method)  # noqa: S310 - http(s), checked above
        with _opener.open(request, timeout=30) as response:
            text, link = response.read(), response.headers.get("Link", "")
            if address.startswith("/api/") and response.headers.get(API_HEADER) is None:
                foreign(url)
            if is_file:
                return text, link
            if response.headers.get_content_type() == "text/csv":
                return text.decode(), link
        return (json.loads(text) if text else None), link
    except HTTPError as error:
        _refused(url, error)
    except (OSError, HTTPException) as error:
        reason = error.reason if isinstance(error, URLError) else error
        fail(f"{url} cannot be reached: {reason}", "Check that Firebell is running there.", UNREACHABLE)
    except ValueError as error:
        fail(f"{url} did not answer like a Firebell server: {error}", _WRONG_SERVER_HINT, UNREACHABLE)


def _refused(url: str, error: HTTPError) -> NoReturn:
    if 300 <= error.code < 400:
        location = error.headers.get("Location", "elsewhere")
        fail(
            f"{url} redirects to {location}.", "Use that address: your key is sent to no other.", UNREACHABLE
        )
    try:
        body = error.read()
    except (OSError, HTTPException):
        # the connection was lost, but the status code says enough
        body = b""
    try:
        problem = json.loads(body)
        problem["detail"] = problem.get("detail") or problem.get("message") or str(error.reason)
    except (ValueError, AttributeError, TypeError):
        code = UNREACHABLE if error.code >= 500 else REFUSED
        fail(f"{url} answered {error.code} {error.reason}.", "", code)
    # after a 503 nothing was stored, so the same command may work later
    raise Unreachable(problem) if error.code == 503 else CommandFailed(problem)
