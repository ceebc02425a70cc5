"""`firebell statuspage copies`: copies of status pages on Statuspage and Instatus."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, local, pairs, show, show_table

Fields = dict[str, Any]
PROVIDERS = ("statuspage", "instatus")


def _path(slug: str, copy_id: int | None = None, rest: str = "") -> str:
    own = "" if copy_id is None else f"/{copy_id}"
    return f"/api/v1/status-pages/{seg(slug)}/copies{own}{rest}"


@click.group()
def copies() -> None:
    """Copy a status page to Statuspage and Instatus, and see what is different there."""


@copies.command("list", epilog=example("firebell statuspage copies list kestrel"))
@click.argument("slug")
@as_json
def list_(slug: str) -> None:
    """List the copies of a status page."""
    listed = call("GET", _path(slug))
    rows = [
        [
            str(c["id"]),
            c["provider"],
            c["remote_page_id"],
            c["state"],
            str(len(c["queue"])),
            str(sum(d["state"] == "open" for d in c["differences"])),
            local(c["checked_at"]),
        ]
        for c in listed
    ]
    head = ("ID", "PROVIDER", "PAGE", "STATE", "WAITING", "DIFFERENT", "COMPARED")
    show_table(listed, head, rows, wide=2, empty="No copies.")


@copies.command(
    epilog=example("firebell statuspage copies connect kestrel statuspage kctbh9vrtdwd --key-file key.txt")
)
@click.argument("slug")
@click.argument("provider", type=click.Choice(PROVIDERS))
@click.argument("remote_page_id", metavar="PAGE")
@click.option(
    "--key-file", type=click.File(), required=True, help="A file with the API key; - is standard input."
)
@as_json
def connect(slug: str, provider: str, remote_page_id: str, key_file: Any) -> None:
    """Copy what is published from now on to PAGE."""
    body = {"provider": provider, "remote_page_id": remote_page_id, "key": key_file.read().strip()}
    copy = call("POST", _path(slug), body)
    show(copy, f"Connected copy {copy['id']}. Map its components next: firebell statuspage copies map.")


@copies.command("show", epilog=example("firebell statuspage copies show kestrel 1"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def show_(slug: str, copy_id: int) -> None:
    """Show what waits, what is different, and how components are mapped."""
    copy = call("GET", _path(slug, copy_id))
    lines = [f"{copy['provider']} {copy['remote_page_id']}: {copy['state']} {copy['reason']}".rstrip()]
    lines += [f"  waiting: {q['name']}, update {q['seq']}, {_queued(q)}" for q in copy["queue"]]
    lines += [
        f"  difference {d['id']}: {d['kind']} of {d['label']}, here {d['ours']!r}, there {d['theirs']!r}, {d['state']}"
        for d in copy["differences"]
    ]
    lines += [
        f"  component {c['component_id']}: {c['name']} -> {c['remote_id'] or 'not there'}"
        for c in copy["components"]
    ]
    show(copy, "\n".join(lines))


def _queued(queued: Fields) -> str:
    stuck = queued["state"] in ("blocked", "dead")
    where = f" ({queued['update_id']}/{queued['version']})" if stuck else ""
    return f"{queued['state']}{where} {queued['error']}".rstrip()


@copies.command("map", epilog=example("firebell statuspage copies map kestrel 1 3=8kbf7d35c070"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@click.argument("components", metavar="COMPONENT=THEIRS...", nargs=-1, required=True)
@as_json
def map_(slug: str, copy_id: int, components: tuple[str, ...]) -> None:
    """Map components to those there; the others stay mapped as they are, COMPONENT= maps one to nothing."""
    now = call("GET", _path(slug, copy_id))["components"]
    mapped = {str(c["component_id"]): c["remote_id"] for c in now if c["remote_id"]}
    mapped |= pairs(components, "COMPONENT=THEIRS", "3=8kbf7d35c070")
    body = {"components": {own: theirs for own, theirs in mapped.items() if theirs}}
    copy = call("PUT", _path(slug, copy_id, "/components"), body)
    show(copy, f"{len(body['components'])} components are mapped.")


def _change(slug: str, copy_id: int, fields: Fields, text: str) -> None:
    show(call("PATCH", _path(slug, copy_id), fields), text)


@copies.command(epilog=example("firebell statuspage copies pause kestrel 1"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def pause(slug: str, copy_id: int) -> None:
    """Send nothing until the copy is resumed."""
    _change(slug, copy_id, {"is_paused": True}, "Paused.")


@copies.command(epilog=example("firebell statuspage copies resume kestrel 1"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def resume(slug: str, copy_id: int) -> None:
    """Send what waits, in order."""
    _change(slug, copy_id, {"is_paused": False}, "Resumed.")


@copies.command(epilog=example("firebell statuspage copies key kestrel 1 --key-file key.txt"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@click.option(
    "--key-file", type=click.File(), required=True, help="A file with the API key; - is standard input."
)
@as_json
def key(slug: str, copy_id: int, key_file: Any) -> None:
    """Replace the API key, and resume a copy whose key was refused."""
    _change(slug, copy_id, {"key": key_file.read().strip()}, "API key saved.")


@copies.command("import", epilog=example("firebell statuspage copies import kestrel 1"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def import_(slug: str, copy_id: int) -> None:
    """Import the components, groups and incidents there that you don't have. No one is notified."""
    show(call("POST", _path(slug, copy_id, "/import")), "Import started.")


@copies.command(epilog=example("firebell statuspage copies difference kestrel 1 7 overwrite"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@click.argument("difference_id", metavar="DIFFERENCE", type=click.IntRange(min=1))
@click.argument("what", type=click.Choice(("overwrite", "adopt", "ignore")))
@as_json
def difference(slug: str, copy_id: int, difference_id: int, what: str) -> None:
    """Overwrite a difference, publish theirs here, or ignore it until it changes there."""
    copy = call("POST", _path(slug, copy_id, f"/differences/{difference_id}/{what}"))
    done = {"overwrite": "Overwriting.", "adopt": "Published here.", "ignore": "Ignored."}
    show(copy, done[what])


@copies.command(epilog=example("firebell statuspage copies postmortem kestrel 1 h2k9w3c7x1ab"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@click.argument("incident")
@as_json
def postmortem(slug: str, copy_id: int, incident: str) -> None:
    """Send the published post-mortem of INCIDENT to the copy; nothing else sends it."""
    show(call("POST", _path(slug, copy_id, f"/postmortems/{seg(incident)}")), "Sending the post-mortem.")


@copies.command(epilog=example("firebell statuspage copies queue kestrel 1 42/1 retry"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@click.argument("update", metavar="UPDATE/VERSION")
@click.argument("what", type=click.Choice(("retry", "skip")))
@as_json
def queue(slug: str, copy_id: int, update: str, what: str) -> None:
    """Retry or skip an update that was refused; `show` names it as UPDATE/VERSION."""
    number, separator, version = update.partition("/")
    if not separator:
        fail(f"{update!r} is not UPDATE/VERSION.", "Use for example 42/1, as `show` prints it.")
    path = _path(slug, copy_id, f"/queue/{seg(number)}/{seg(version)}/{what}")
    show(call("POST", path), "Trying again." if what == "retry" else "Skipped.")


@copies.command(epilog=example("firebell statuspage copies disconnect kestrel 1"))
@click.argument("slug")
@click.argument("copy_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def disconnect(slug: str, copy_id: int) -> None:
    """Forget a copy and its key. The page there stays as it is."""
    call("DELETE", _path(slug, copy_id))
    show({"id": copy_id}, "Disconnected.")
