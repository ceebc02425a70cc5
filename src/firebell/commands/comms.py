"""`firebell comms`: checking the tone of a text, and publishing updates about incidents everywhere at once."""

import sys
from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import (
    REFUSED,
    as_json,
    echo,
    example,
    fail,
    instant,
    local,
    pairs,
    show,
    show_table,
)

STAGES = ("investigating", "identified", "monitoring", "resolved")
MAX_BYTES = 1024 * 1024


@click.group()
def comms() -> None:
    """Check the tone of texts, and publish updates everywhere."""


def _text(source: str) -> str:
    """Return the text of a file, or of standard input for -."""
    try:
        text = sys.stdin.read(MAX_BYTES) if source == "-" else Path(source).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        fail(f"{source} cannot be read: {error}")
    return text.rstrip("\n")


@comms.command(epilog=example("echo 'We will be back shortly.' | firebell comms check -"))
@click.argument("file")
@click.option("--stage", type=click.Choice(STAGES), default="investigating", show_default=True)
@click.option("--severity", type=click.IntRange(0, 3), default=1, show_default=True)
@click.option(
    "--reader", type=click.Choice(["internal", "public", "customer"]), default="public", show_default=True
)
@click.option("--next", "next_", help="When the next update comes.")
@click.option("--locale", default="en", show_default=True, help="The language of the text.")
@as_json
def check(file: str, stage: str, severity: int, reader: str, next_: str | None, locale: str) -> None:
    """Check the tone of a text in FILE; - is standard input. Exits with 1 if there are errors."""
    body = {
        "text": _text(file),
        "stage": stage,
        "severity": severity,
        "reader": reader,
        "locale": locale,
        "next_update_at": instant(next_, "--next") if next_ else None,
    }
    result = call("POST", "/api/v1/comms/check", body)
    findings = result["findings"]
    lines = [
        f"{each['level']:8} {each['code']:10} {each['message']} {each['suggestion']}" for each in findings
    ]
    if result["not_checked"]:
        lines.append(f"Not checked in this language: {', '.join(result['not_checked'])}")
    show(result, "\n".join(lines) or "No findings.")
    if any(each["level"] in ("block", "error") for each in findings):
        sys.exit(REFUSED)


@comms.command("show", epilog=example("firebell comms show INC-3"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show what can be sent about an incident: the draft, the targets, and what the tone check finds."""
    composer = call("GET", f"/api/v1/incidents/{seg(ref)}/comms")
    lines = []
    for reader, text in composer["content"]["bodies"].items():
        lines += [f"{reader.upper()}", text, ""]
        lines += [f"  {each['level']}: {each['message']}" for each in composer["findings"].get(reader, ())]
    for language in composer["languages"]:
        text = composer["content"]["translations"].get(language)
        lines += [language.upper(), text or "Not translated.", ""]
        lines += [
            f"  {each['level']}: {each['message']}"
            for each in composer["translation_findings"].get(language, ())
        ]
    lines.append("TARGETS")
    lines += [f"  {each['key']:30} {each['refusal'] or each['note']}" for each in composer["targets"]]
    show(composer, "\n".join(lines))


@comms.command(
    epilog=example(
        "firebell comms publish INC-3 --public 'We are moving traffic.' --stage identified \\",
        "    --to status_page:kestrel --next 2026-11-24T15:30",
    )
)
@click.argument("ref")
@click.option("--internal", help="The text for colleagues; - is standard input.")
@click.option("--public", help="The text for customers; - is standard input.")
@click.option("--customers", help="The text of emails to customers. Default: the public text.")
@click.option("--subject", default="", help="The subject of emails to customers.")
@click.option("--translation", multiple=True, metavar="LANGUAGE=TEXT", help="The public text in a language.")
@click.option("--to", "targets", multiple=True, required=True, help="A target of `firebell comms show`.")
@click.option("--stage", type=click.Choice(STAGES), help="The stage on status pages.")
@click.option("--component", multiple=True, metavar="ID=STATUS", help="The status of a component.")
@click.option("--next", "next_", help="When the next update comes.")
@click.option("--eta", help="When it is expected to be over, as an estimate.")
@click.option("--reason", default="", help="Why the text stays although the tone check found errors.")
@click.option("--close", is_flag=True, help="Also close the incident: both happen or neither.")
@click.option("--quiet", is_flag=True, help="Don’t notify the subscribers of status pages.")
@as_json
def publish(
    ref: str,
    internal: str | None,
    public: str | None,
    customers: str | None,
    subject: str,
    translation: tuple[str, ...],
    targets: tuple[str, ...],
    stage: str | None,
    component: tuple[str, ...],
    next_: str | None,
    eta: str | None,
    reason: str,
    close: bool,
    quiet: bool,
) -> None:
    """Publish an update about the incident REF to the chosen targets, each once."""
    path = f"/api/v1/incidents/{seg(ref)}/comms"
    bodies = {
        reader: sys.stdin.read(MAX_BYTES) if text == "-" else text
        for reader, text in (("internal", internal), ("public", public), ("customer", customers))
        if text is not None
    }
    body: dict[str, Any] = {
        "bodies": bodies,
        "targets": list(targets),
        "revision": call("GET", path)["revision"],
        "stage": stage,
        "components": pairs(component, "ID=STATUS", "--component 3=partial_outage"),
        "next_update_at": instant(next_, "--next") if next_ else None,
        "eta_at": instant(eta, "--eta") if eta else None,
        "translations": pairs(translation, "LANGUAGE=TEXT", "--translation de='Wir suchen die Ursache.'"),
        "mail_subject": subject,
        "reason": reason,
        "close": close,
        "notify": not quiet,
    }
    post = call("POST", path, body)
    show(post, _outcome(post))


def _outcome(post: dict[str, Any]) -> str:
    lines = [f"Post {post['id']} of {post['incident']}: {post['state']}."]
    lines += [f"  {each['label']}: {each['state']} {each['error']}".rstrip() for each in post["deliveries"]]
    if post["undo"]:
        lines.append("Take it back within 30 seconds with 'firebell undo'.")
    return "\n".join(lines)


@comms.command("list", epilog=example("firebell comms list INC-3"))
@click.argument("ref")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(ref: str, limit: int) -> None:
    """List what was published about an incident, newest first."""
    posts = call_first(f"/api/v1/incidents/{seg(ref)}/comms/posts", limit)
    rows = [
        [
            str(post["id"]),
            post["state"],
            local(post["published_at"]),
            post["author"],
            ", ".join(each["target"] for each in post["deliveries"]),
        ]
        for post in posts
    ]
    show_table(posts, ("ID", "STATE", "SENT", "AUTHOR", "TARGETS"), rows, wide=4, empty="No posts.")


@comms.command(epilog=example("firebell comms approve INC-3 7"))
@click.argument("ref")
@click.argument("post_id", type=int)
@click.option("--changes", help="Ask for these changes instead.")
@click.option("--yes", is_flag=True, help="Answer without showing the text first.")
@as_json
def approve(ref: str, post_id: int, changes: str | None, yes: bool) -> None:
    """Approve the post POST_ID of the incident REF, or ask for changes, if you were asked."""
    path = f"/api/v1/incidents/{seg(ref)}/comms/posts/{post_id}"
    post = call("GET", path)
    if not yes:
        for reader, text in post["content"]["bodies"].items():
            echo(f"{reader.upper()}\n{text}\n", err=True)
        click.confirm("Send this answer?", abort=True, err=True)
    body = {
        "answer": "changes" if changes is not None else "approved",
        "sha256": post["sha256"],
        "note": changes or "",
    }
    answered = call("POST", f"{path}/answer", body)
    show(answered, _outcome(answered))


@comms.command("first-update", epilog=example("firebell comms first-update INC-3 --claim"))
@click.argument("ref")
@click.option("--claim", is_flag=True, help="Post it yourself, so that Firebell doesn't.")
@as_json
def first_update(ref: str, claim: bool) -> None:
    """Show when Firebell posts the first update about the incident REF, or take it over."""
    path = f"/api/v1/incidents/{seg(ref)}/first-update"
    state = call("POST", f"{path}/claim") if claim else call("GET", path)
    lines = [
        f"{each['status_page']}: "
        + ("waits for an approval" if each["needs_approval"] else f"Firebell posts at {local(each['at'])}")
        for each in state["coming"]
    ]
    if state["claimed_by"]:
        lines.append(f"{state['claimed_by']} posts the first update.")
    show(state, "\n".join(lines) or "Firebell posts nothing about this incident.")


@comms.command(epilog=example("firebell comms recall INC-3 7"))
@click.argument("ref")
@click.argument("post_id", type=int)
@as_json
def recall(ref: str, post_id: int) -> None:
    """Take back the post POST_ID that Firebell wrote about the incident REF, within 5 minutes."""
    post = call("POST", f"/api/v1/incidents/{seg(ref)}/comms/posts/{post_id}/recall")
    show(post, _outcome(post))
