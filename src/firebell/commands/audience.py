"""`firebell audience`: who is kept informed about incidents, what is due, and sending posts."""

import sys

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, local, show, show_table

MOMENTS = ("first", "update", "end")


@click.group()
def audience() -> None:
    """Show what audiences are due, and send posts to them."""


@audience.command("list", epilog=example("firebell audience list"))
@as_json
def list_() -> None:
    """List the audiences with their members and times."""
    settings = call("GET", "/api/v1/audiences")
    rows = [
        [
            each["slug"],
            each["kind"],
            *(_times(one) for one in each["cadence"][:3]),
            ", ".join(each["members"]),
        ]
        for each in settings["audiences"]
    ]
    head = ("AUDIENCE", "KIND", "SEV0", "SEV1", "SEV2", "MEMBERS")
    show_table(settings, head, rows, wide=5, empty="No audiences.")


def _times(cadence: dict[str, int | None]) -> str:
    first, every = cadence["first"], cadence["every"]
    if first is None:
        return "-"
    return f"{first} min" if every is None else f"{first}, {every} min"


@audience.command("due", epilog=example("firebell audience due INC-3"))
@click.argument("ref")
@as_json
def due(ref: str) -> None:
    """Show what the audiences of an incident got last, and what is due."""
    one = call("GET", f"/api/v1/incidents/{seg(ref)}/audiences")
    rows = [
        [
            clock["audience"],
            local(clock["last_at"]) if clock["last_at"] else "-",
            f"{local(clock['due_at'])}{' overdue' if clock['overdue'] else ''}" if clock["due_at"] else "-",
            clock["due"] or "-",
        ]
        for clock in one["clocks"]
    ]
    show_table(one, ("AUDIENCE", "LAST", "NEXT", "POST"), rows, wide=0, empty="No audiences.")


@audience.command("draft", epilog=example("firebell audience draft INC-3 executives"))
@click.argument("ref")
@click.argument("slug")
@click.option("--moment", type=click.Choice(MOMENTS), help="Which post. Default: the next one.")
@as_json
def draft(ref: str, slug: str, moment: str | None) -> None:
    """Print the template of an audience, filled from the timeline."""
    path = f"/api/v1/incidents/{seg(ref)}/audiences/{seg(slug)}/draft"
    text = call("GET", path, moment=moment)
    show(text, f"{text['subject']}\n\n{text['body']}")


@audience.command(
    "send",
    epilog=example(
        "firebell audience send INC-3 executives --moment first --subject 'Card payments fail' --body -"
    ),
)
@click.argument("ref")
@click.argument("slug")
@click.option("--moment", type=click.Choice(MOMENTS), default="update", show_default=True)
@click.option("--subject", required=True)
@click.option("--body", required=True, help="The text; - is standard input.")
@as_json
def send(ref: str, slug: str, moment: str, subject: str, body: str) -> None:
    """Send a post to an audience; it can be recalled for 30 seconds."""
    text = {"audience": slug, "subject": subject, "body": sys.stdin.read() if body == "-" else body}
    post = call("POST", f"/api/v1/incidents/{seg(ref)}/audiences/posts", {"moment": moment, "texts": [text]})
    count = sum(each["recipients"] for each in post["texts"])
    show(post, f"Post {post['id']} to {count} recipients{', not sent in a drill' if post['drill'] else ''}.")


@audience.command("recall", epilog=example("firebell audience recall INC-3 7"))
@click.argument("ref")
@click.argument("post", type=int)
@as_json
def recall(ref: str, post: int) -> None:
    """Recall the messages of a post that were not sent yet."""
    result = call("POST", f"/api/v1/incidents/{seg(ref)}/audiences/posts/{post}/recall")
    show(result, f"Recalled {result['recalled']} messages.")


@audience.command("deliveries", epilog=example("firebell audience deliveries INC-3 7"))
@click.argument("ref")
@click.argument("post", type=int)
@as_json
def deliveries(ref: str, post: int) -> None:
    """List who got a post, and when."""
    listed = call("GET", f"/api/v1/incidents/{seg(ref)}/audiences/posts/{post}/deliveries")
    rows = [
        [
            each["audience"],
            each["address"] or "erased",
            each["customer"] or "-",
            each["state"],
            local(each["sent_at"]) if each["sent_at"] else each["reason"] or "-",
        ]
        for each in listed
    ]
    show_table(
        listed, ("AUDIENCE", "ADDRESS", "CUSTOMER", "STATE", "SENT"), rows, wide=1, empty="No messages."
    )
