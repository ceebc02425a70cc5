"""`firebell incident drafts`, `draft` and `draft-step`: drafts of notifications to authorities."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, instant, short, show, show_table

STEPS = ("review", "sign", "return", "sent")


def _path(ref: str) -> str:
    return f"/api/v1/incidents/{seg(ref)}/clocks/drafts"


def _latest(ref: str, obligation: str) -> str:
    """Return the address of the latest draft of an obligation; open one if there is none."""
    listed = [one for one in call("GET", _path(ref)) if one["obligation"] == obligation]
    draft = listed[-1] if listed else call("POST", _path(ref), {"obligation": obligation})
    return f"{_path(ref)}/{draft['id']}"


@click.command(epilog=example("firebell incident drafts INC-3"))
@click.argument("ref")
@as_json
def drafts(ref: str) -> None:
    """List the drafts of notifications of incident REF."""
    listed = call("GET", _path(ref))
    rows = [
        [one["obligation"], str(one["part"]), one["state"], short(one["sent_at"]) if one["sent_at"] else "-"]
        for one in listed
    ]
    show_table(listed, ("OBLIGATION", "PART", "STATE", "SENT"), rows, wide=0, empty="No drafts.")


@click.command(
    epilog=example(
        "firebell incident draft INC-3 GDPR-33",
        "firebell incident draft INC-3 GDPR-33 --field consequences='Phishing with real order numbers'",
        "firebell incident draft INC-3 GDPR-33 --plain > notification.txt",
    )
)
@click.argument("ref")
@click.argument("obligation")
@click.option(
    "--field", "fields", multiple=True, help="FIELD=TEXT to write; a blank text leaves it to the facts."
)
@click.option("--follow-up", is_flag=True, help="Open the next part of a notification that was sent.")
@click.option("--plain", is_flag=True, help="Print plain text instead of Markdown.")
@as_json
def draft(ref: str, obligation: str, fields: tuple[str, ...], follow_up: bool, plain: bool) -> None:
    """Open the draft of OBLIGATION of incident REF, write into its fields, and print it. Firebell sends nothing."""
    if follow_up:
        opened = call("POST", _path(ref), {"obligation": obligation})
        path = f"{_path(ref)}/{opened['id']}"
    else:
        path = _latest(ref, obligation)
    if fields:
        if wrong := [one for one in fields if "=" not in one]:
            raise click.BadParameter(f"{wrong[0]!r} has no text.", param_hint="--field FIELD=TEXT")
        texts = dict(one.split("=", 1) for one in fields)
        answer = call("PATCH", path, {"fields": texts})
    else:
        answer = call("GET", path)
    show(answer, answer["plain" if plain else "text"].rstrip("\n"))
    if answer["not_known"]:
        click.echo(f"Not known yet: {', '.join(answer['not_known'])}.", err=True)
    for one in answer["contradictions"]:
        click.echo(f"Draft: {one['drafted']}. Published: {one['published']}.", err=True)
    click.echo(answer["advice"], err=True)


@click.command(
    "draft-step",
    epilog=example(
        "firebell incident draft-step INC-3 GDPR-33 review",
        "firebell incident draft-step INC-3 GDPR-33 sent --channel 'Online form' --receipt 4711",
    ),
)
@click.argument("ref")
@click.argument("obligation")
@click.argument("step", type=click.Choice(STEPS))
@click.option("--reason", default="", help="Why it is a draft again.")
@click.option("--at", help="When it was sent. Default: now.")
@click.option("--channel", default="", help="The recipient, and how it was sent.")
@click.option("--receipt", default="", help="The receipt or reference.")
@as_json
def draft_step(
    ref: str, obligation: str, step: str, reason: str, at: str | None, channel: str, receipt: str
) -> None:
    """Review, sign or return the draft of OBLIGATION of incident REF, or record that you sent it."""
    body: dict[str, Any] | None = None
    if step == "return":
        body = {"reason": reason}
    elif step == "sent":
        body = {"channel": channel, "receipt": receipt}
        if at:
            body["at"] = instant(at, "--at")
    answer = call("POST", f"{_latest(ref, obligation)}/{step}", body)
    show(answer, f"{obligation}, part {answer['part']}: {answer['state']}.")
