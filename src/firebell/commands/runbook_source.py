"""`firebell runbook source`: where runbooks come from."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, local, show, show_table
from firebell.kit.text import plural

_ADDRESS = "/api/v1/runbook-sources"


@click.group()
def source() -> None:
    """Manage where runbooks come from: Git, a mounted directory, or pushes by CI."""


def _state(one: dict[str, Any]) -> str:
    if one["pending"]:
        return f"waiting: {one['pending']['commit'][:7]} would archive {len(one['pending']['archives'])}"
    if one["last_error"]:
        return f"failing: {one['last_error']}"
    return f"synced {local(one['last_ok_at'])}" if one["last_ok_at"] else "not synced yet"


@source.command("list", epilog=example("firebell runbook source list"))
@as_json
def list_() -> None:
    """List runbook sources with their health."""
    sources = call("GET", _ADDRESS)
    rows = [
        [str(s["id"]), s["kind"], s["name"], str(s["files"]), s["last_commit"][:7], _state(s)]
        for s in sources
    ]
    head = ("ID", "KIND", "NAME", "FILES", "COMMIT", "STATE")
    show_table(sources, head, rows, wide=5, empty="No runbook sources yet.")


@source.command(
    "add",
    epilog=example(
        "firebell runbook source add git Operations --url https://git.example.org/ops/runbooks.git",
        "firebell runbook source add push CI",
    ),
)
@click.argument("kind", type=click.Choice(["git", "directory", "push"]))
@click.argument("name")
@click.option("--url", default="", help="The HTTPS address of a repository, or a directory.")
@click.option("--ref", default="", help="A branch or tag; without it, the default branch.")
@click.option("--path", "paths", multiple=True, help="A pattern such as 'runbooks/**/*.md'; repeatable.")
@click.option("--poll", type=click.IntRange(15, 86400), default=60, show_default=True, help="Seconds.")
@click.option(
    "--token-file", type=click.File("r"), help="A file with an access token; - reads standard input."
)
@as_json
def add(kind: str, name: str, url: str, ref: str, paths: tuple[str, ...], poll: int, token_file: Any) -> None:
    """Add a runbook source called NAME."""
    token = token_file.read().strip() if token_file else ""
    body = {
        "kind": kind,
        "name": name,
        "url": url,
        "ref": ref,
        "paths": list(paths),
        "poll_s": poll,
        "token": token,
    }
    answer = call("POST", _ADDRESS, body)
    show(answer, f"Source {answer['id']} added: {answer['name']}.")


@source.command("sync", epilog=example("firebell runbook source sync 3"))
@click.argument("source_id", type=click.IntRange(1), metavar="ID")
@as_json
def sync(source_id: int) -> None:
    """Read source ID now."""
    answer = call("POST", f"{_ADDRESS}/{source_id}/sync")
    show(answer, f"Syncing {answer['name']}; it has {plural(answer['files'], 'file')} now.")


@source.command("remove", epilog=example("firebell runbook source remove 3"))
@click.argument("source_id", type=click.IntRange(1), metavar="ID")
@as_json
def remove(source_id: int) -> None:
    """Remove source ID; its runbooks stay and can be edited."""
    call("DELETE", f"{_ADDRESS}/{source_id}")
    show({"removed": source_id}, f"Source {source_id} removed. Its runbooks stay.")
