"""The HTTP client of the command line: the standard library alone, so that commands start at once."""

import json
import os
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import click

REFUSED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes: the server refused, the command was wrong, the server cannot be reached."""

as_json = click.option("--json", "json_", is_flag=True, help="Print the server's JSON.")


def config_path() -> Path:
    """Return where `firebell login` keeps the address and the key."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "firebell" / "config.toml"


def fail(message: str, hint: str = "", code: int = REFUSED) -> NoReturn:
    """Say what went wrong on standard error and end with `code`."""
    click.echo(click.style("Error: ", fg="red") + message, err=True)
    if hint:
        click.echo(hint, err=True)
    raise SystemExit(code)


def target() -> tuple[str, str]:
    """Return the server's address and the key, from the environment or from `firebell login`."""
    stored = {}
    if config_path().exists():
        stored = tomllib.loads(config_path().read_text(encoding="utf-8"))
    url = os.environ.get("FIREBELL_URL") or stored.get("url", "")
    key = os.environ.get("FIREBELL_KEY") or stored.get("key", "")
    if not url:
        fail(
            "No server is known.",
            "Run 'firebell login URL', or set FIREBELL_URL and FIREBELL_KEY.",
            USAGE,
        )
    return url.rstrip("/"), key


def call(method: str, path: str, body: Any = None, **query: Any) -> Any:
    """Call the API and return its JSON; end the command with a clear message when it refuses."""
    url, key = target()
    return call_at(url, key, method, path, body, **query)


def call_at(url: str, key: str, method: str, path: str, body: Any = None, **query: Any) -> Any:
    """Call the API of one server with one key."""
    given = {name: value for name, value in query.items() if value is not None}
    address = f"{url}{path}" + (f"?{urlencode(given, doseq=True)}" if given else "")
    if not address.startswith(("http://", "https://")):
        fail(f"{url} is not a web address.", "Use https://firebell.example.org.", USAGE)
    headers = {"Accept": "application/json", "User-Agent": "firebell-cli"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    data = None
    if body is not None:
        data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
    try:
        with urlopen(Request(address, data, headers, method=method), timeout=30) as answer:  # noqa: S310
            text = answer.read()
    except HTTPError as error:
        _refused(error)
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        fail(f"{url} cannot be reached: {reason}", "Is Firebell running there?", UNREACHABLE)
    return json.loads(text) if text else None


def _refused(error: HTTPError) -> NoReturn:
    try:
        problem = json.loads(error.read())
    except ValueError:
        fail(f"The server answered {error.code} {error.reason}.")
    faults = [f"  {e['field']}: {e['message']}" for e in problem.get("errors", []) if isinstance(e, dict)]
    message = problem.get("detail") or problem.get("message") or error.reason
    fail("\n".join([message, *faults]), problem.get("hint", ""))


def show(json_: bool, value: Any, text: str) -> None:
    """Print the value as JSON, or what a person wants to read."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False) if json_ else text)


def local(instant: str | None) -> str:
    """Return an instant of the API in this machine's zone."""
    if not instant:
        return ""
    return datetime.fromisoformat(instant).astimezone().strftime("%Y-%m-%d %H:%M %z")


def table(rows: list[list[str]]) -> str:
    """Return rows with aligned columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
