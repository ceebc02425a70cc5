"""`firebell statuspage verify` and `key`: checking the signed log of a status page, and the keys that sign it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, local, show, show_table

if TYPE_CHECKING:
    from firebell.status_pages.signing.log_check import LogCheck

MAX_LOG_BYTES = 256 * 1024 * 1024
_LOG_PATH = "/history.jsonl"


@click.command(
    epilog=example(
        "firebell statuspage verify https://ops.example.org/s/kestrel/history.jsonl",
        "firebell statuspage verify history.jsonl --key firebell-status-key",
    )
)
@click.argument("log", metavar="FILE|URL")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="FILE|URL|KEY",
    help="The public key of the page, as you got it before. By default, the one at the log's address.",
)
@as_json
def verify(log: str, keys: tuple[str, ...]) -> None:
    """Check that no text in a log was changed, left out or added later, and that the page signed it.

    Works offline with a file. Keep the public key and the last hash in another place: someone who controls the server
    could publish another key and another log.
    """
    from firebell.status_pages.signing import log_check
    from firebell.status_pages.signing.model import KEY_PATH

    trusted = [key for each in keys for key in _keys(each)]
    if not keys and _is_url(log) and urlsplit(log).path.endswith(_LOG_PATH):
        trusted = _published_keys(log.replace(_LOG_PATH, KEY_PATH, 1))
    checked = log_check.check(_lines(_read(log)), trusted)
    if checked.problem:
        fail(_problem_text(checked))
    fields = {
        "entries": checked.entries,
        "signatures": checked.signatures,
        "unsigned": checked.unsigned,
        "last_hash": checked.last_hash,
    }
    show(fields, _text(checked, is_signature_checked=bool(trusted)))


def _problem_text(checked: "LogCheck") -> str:
    from firebell.status_pages.signing.log_check import LogProblem

    return {
        LogProblem.CHANGED: f"Line {checked.line} is not as it was published.",
        LogProblem.UNSIGNED: f"Line {checked.line} is not signed.",
        LogProblem.FORGED: f"Line {checked.line} is signed with another key.",
        LogProblem.NO_SIGNATURE: "No line is signed with this key.",
    }[checked.problem or LogProblem.CHANGED]


def _text(checked: "LogCheck", *, is_signature_checked: bool) -> str:
    lines = [f"All {checked.entries} entries are as they were published."]
    if checked.entries and not is_signature_checked:
        lines.append("Signatures were not checked: add --key with the public key of the page.")
    elif checked.entries:
        lines.append(f"{checked.signatures} entries are signed, and cover those before them.")
    if checked.last_hash:
        lines.append(f"Last hash: {checked.last_hash}")
    return "\n".join(lines)


def _keys(given: str) -> list[bytes]:
    """Return the public keys of a file, an address, or the key itself."""
    from firebell.status_pages.signing import key_document

    is_key = not _is_url(given) and not os.path.exists(given)  # noqa: PTH110 - a key is too long for `Path`
    try:
        return key_document.parse(given if is_key else _read(given))
    except ValueError as error:
        fail(
            f"{given[:200]} is not a public key. {error}", "Use the file at /.well-known/firebell-status-key."
        )


def _published_keys(url: str) -> list[bytes]:
    """Return the public keys at an address, none for a page that does not sign yet."""
    from firebell.status_pages.signing import key_document

    try:
        with urlopen(url, timeout=30) as response:  # noqa: S310 - only http and https
            return key_document.parse(response.read(MAX_LOG_BYTES).decode())
    except (OSError, URLError, ValueError):
        return []


def _lines(log: str) -> list[str]:
    """Return the lines of a log; a text may have characters at which `splitlines` would split it."""
    return log.removesuffix("\n").split("\n") if log else []


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _read(source: str) -> str:
    try:
        if _is_url(source):
            with urlopen(source, timeout=30) as response:  # noqa: S310 - only these two schemes
                return str(response.read(MAX_LOG_BYTES).decode())
        return Path(source).read_text(encoding="utf-8")
    except (OSError, URLError, ValueError) as error:
        fail(f"{source} can't be read: {error}")


@click.group()
def key() -> None:
    """Show and replace the key that signs the log of a status page."""


def _path(slug: str) -> str:
    return f"/api/v1/status-pages/{seg(slug)}/signing-keys"


@key.command("list", epilog=example("firebell statuspage key list kestrel"))
@click.argument("slug")
@as_json
def list_(slug: str) -> None:
    """List the public keys of a status page, oldest first; the last one signs."""
    listed = call("GET", _path(slug))
    rows = [[str(k["first_entry"]), local(k["created_at"]), k["created_by"], k["public_key"]] for k in listed]
    show_table(listed, ("FROM ENTRY", "CREATED", "BY", "PUBLIC KEY"), rows, wide=3, empty="No key yet.")


@key.command("replace", epilog=example("firebell statuspage key replace kestrel --reason 'Yearly change.'"))
@click.argument("slug")
@click.option("--reason", required=True, help="Why; readers of the log see it.")
@as_json
def replace(slug: str, reason: str) -> None:
    """Replace the key. The old one signs the entry that announces the new one, and is then erased."""
    new = call("POST", _path(slug), {"reason": reason})
    show(new, f"{new['public_key']} signs from entry {new['first_entry']} on.")
