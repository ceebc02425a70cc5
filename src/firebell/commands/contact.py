"""`firebell contact`: manage your contact methods."""

import click

from firebell.channels.languages import languages
from firebell.channels.registry import CHANNELS
from firebell.commands.client import call
from firebell.commands.output import (
    USAGE,
    CommandFailed,
    as_json,
    example,
    fail,
    short,
    show,
    show_removed,
    table,
)

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
    if method["state"] == "disabled":
        return "disabled"
    if method["suspect"]:
        return "failing"
    state = f"verified {short(method['verified_at'])}" if method["state"] == "verified" else "not verified"
    return f"{state}, test {method['test_result']}" if method["test_result"] else state


@contact.command(
    epilog=example(
        "firebell contact add ntfy firebell-mara-7f3a",
        "firebell contact add webhook https://hooks.example.org/mara --label phone",
    )
)
@click.argument("kind", type=click.Choice(list(CHANNELS)))
@click.argument("address")
@click.option("--label", default="", help="A name for it, such as phone.")
@click.option(
    "--replaces",
    metavar="ID",
    type=click.IntRange(min=1),
    help="The contact method to use until this one is verified.",
)
@as_json
def add(kind: str, address: str, label: str, replaces: int | None) -> None:
    """Add ADDRESS as a contact method. High-urgency pages use it once you verify it."""
    body = {"kind": kind, "address": address, "label": label, "replaces": replaces}
    method = call("POST", _PATH, body)
    text = f"Added {kind} {method['id']}. {_send_first_code(method['id'])}"
    if method["secret"]:
        text += f"\nSigning secret, shown only once: {method['secret']}"
    show(method, text)


def _send_first_code(method_id: int) -> str:
    """Send a code through a new contact method and return what to do next: it stays added if none is sent."""
    try:
        call("POST", f"{_PATH}/{method_id}/verification")
    except CommandFailed as error:
        return f"No code was sent: {error.message} Send one later: firebell contact resend {method_id}"
    return f"Enter the code that it gets: firebell contact verify {method_id} CODE"


@contact.command(epilog=example("firebell contact connect telegram"))
@click.argument("kind", type=click.Choice([k for k, channel in CHANNELS.items() if channel.connect_url]))
@as_json
def connect(kind: str) -> None:
    """Show the link that connects a channel. Open it where pages should arrive."""
    link = call("POST", f"{_PATH}/links", {"kind": kind})
    show(link, f"Open this within 10 minutes, and tap Start: {link['url']}")


@contact.command(epilog=example("firebell contact test 3"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def test(method_id: int) -> None:
    """Send a test message through contact method ID."""
    call("POST", f"{_PATH}/{method_id}/test")
    show({"id": method_id}, "Sending a test message. Check the result with: firebell contact list")


@contact.command(epilog=example("firebell contact resend 3"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def resend(method_id: int) -> None:
    """Send a verification code through contact method ID. An earlier code becomes invalid."""
    call("POST", f"{_PATH}/{method_id}/verification")
    text = f"Sending a code. Enter it within 10 minutes: firebell contact verify {method_id} CODE"
    show({"id": method_id}, text)


@contact.command(epilog=example("firebell contact verify 3 482913"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@click.argument("code")
@as_json
def verify(method_id: int, code: str) -> None:
    """Verify contact method ID with the CODE that was sent through it."""
    method = call("POST", f"{_PATH}/{method_id}/verify", {"code": code})
    show(method, f"Verified contact method {method_id}.")


@contact.command("set", epilog=example("firebell contact set 3 --language de --privacy title_hidden"))
@click.argument("method_id", metavar="ID", type=click.IntRange(min=1))
@click.option("--language", type=click.Choice(list(languages())), help="The language of its messages.")
@click.option(
    "--privacy",
    type=click.Choice(["full", "title_hidden"]),
    help="What its messages show. Without the title: only the page number, severity and service.",
)
@as_json
def set_(method_id: int, language: str | None, privacy: str | None) -> None:
    """Set the language and privacy of messages to contact method ID."""
    if language is None and privacy is None:
        fail("Nothing to change.", "Pass --language, --privacy or both.", USAGE)
    body = {"language": language, "privacy": privacy}
    method = call("PATCH", f"{_PATH}/{method_id}", {name: v for name, v in body.items() if v is not None})
    shows = "title hidden" if method["privacy"] == "title_hidden" else "title and details shown"
    show(method, f"Contact method {method_id}: language {languages()[method['language']].name}, {shows}.")


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
    """Rotate the signing secret of webhook ID. The old one stays valid for 24 hours."""
    rotated = call("POST", f"{_PATH}/{method_id}/secret")
    until = short(rotated["previous_until"])
    show(
        rotated,
        f"New signing secret, shown only once: {rotated['secret']}\n"
        f"Messages are also signed with the old one until {until}.",
    )


@contact.command("page-me", epilog=example("firebell contact page-me"))
@as_json
def page_me() -> None:
    """Page yourself through your rules for high urgency. Only you get it, and it ends after 15 minutes."""
    page = call("POST", "/api/v1/pages/test")
    show(
        page,
        f"Paging you: {page['ref']}. Follow the delivery of each message: firebell page show {page['ref']}",
    )
