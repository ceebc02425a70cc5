"""`firebell contact`: manage your contact methods."""

import click

from firebell.channels.registry import CHANNELS
from firebell.commands.client import call
from firebell.commands.output import as_json, example, short, show, show_removed, table

_PATH = "/api/v1/me/contact-methods"


@click.group()
def contact() -> None:
    """Manage your contact methods."""


@contact.command("list", epilog=example("firebell contact list"))
@as_json
def list_() -> None:
    """List your contact methods."""
    methods = call("GET", _PATH)
    rows = [[str(m["id"]), m["kind"], m["label"], _state(m), m["address"]] for m in methods]
    show(methods, table(("ID", "KIND", "LABEL", "STATE", "ADDRESS"), rows, wide=4))


def _state(method: dict[str, str | None]) -> str:
    if method["suspect"]:
        return "failing"
    return f"verified {short(method['verified_at'])}" if method["verified_at"] else "not verified"


@contact.command(
    epilog=example(
        "firebell contact add ntfy firebell-mara-7f3a",
        "firebell contact add webhook https://hooks.example.org/mara --label phone",
    )
)
@click.argument("kind", type=click.Choice(list(CHANNELS)))
@click.argument("address")
@click.option("--label", default="", help="A name for it, such as phone.")
@as_json
def add(kind: str, address: str, label: str) -> None:
    """Add ADDRESS as a contact method. High-urgency pages use it at once."""
    method = call("POST", _PATH, {"kind": kind, "address": address, "label": label})
    text = f"Added {kind} {method['id']}. Test it: firebell contact test {method['id']}"
    if method["secret"]:
        text += f"\nSigning secret, shown only once: {method['secret']}"
    show(method, text)


@contact.command(epilog=example("firebell contact test 3"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def test(method_id: int) -> None:
    """Send a test message through contact method ID."""
    call("POST", f"{_PATH}/{method_id}/test")
    show({"id": method_id}, "Sending a test message. Check the result with: firebell contact list")


@contact.command(epilog=example("firebell contact remove 3"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def remove(method_id: int) -> None:
    """Remove contact method ID, unless it is your last one."""
    answer = call("DELETE", f"{_PATH}/{method_id}")
    show_removed(answer, {"id": method_id}, f"Removed contact method {method_id}.")


@contact.command("rotate-secret", epilog=example("firebell contact rotate-secret 3"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def rotate_secret(method_id: int) -> None:
    """Give webhook ID a new signing secret. The old one stays valid for 24 hours."""
    rotated = call("POST", f"{_PATH}/{method_id}/secret")
    until = short(rotated["previous_until"])
    show(
        rotated,
        f"New signing secret, shown only once: {rotated['secret']}\n"
        f"Messages are also signed with the old one until {until}.",
    )
