"""`firebell near-miss`: report, list and publish near misses."""

from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, short, show, show_table


@click.group()
def near_miss() -> None:
    """Report and read near misses."""


@near_miss.command(
    "report",
    epilog=example(
        'firebell near-miss report "Pool of 1,000 in review" --could-have "No payments" --barrier "The review"'
    ),
)
@click.argument("title")
@click.option("--could-have", required=True, help="What could have happened.")
@click.option("--barrier", required=True, help="What held: a review, an alert, a limit, or luck.")
@click.option(
    "--severity",
    type=click.IntRange(0, 3),
    default=2,
    show_default=True,
    help="The severity it could have had.",
)
@click.option("--lessons", default="", help="What you learned from it.")
@click.option("--service", "services", multiple=True, help="Slug of a service.")
@click.option("--factor", "factors", multiple=True, help="Code of a factor, such as latent.review.")
@click.option("--unnamed", is_flag=True, help="Store nothing that names you.")
@as_json
def report(
    title: str,
    could_have: str,
    barrier: str,
    severity: int,
    lessons: str,
    services: tuple[str, ...],
    factors: tuple[str, ...],
    unnamed: bool,
) -> None:
    """Report a near miss."""
    new: dict[str, Any] = {
        "title": title,
        "could_have": could_have,
        "barrier": barrier,
        "potential_severity": severity,
        "lessons": lessons,
        "services": list(services),
        "factors": list(factors),
        "unnamed": unnamed,
    }
    reported = call("POST", "/api/v1/near-misses", new)
    show(reported, f"{reported['ref']} reported. Thank you.")


@near_miss.command("list", epilog=example("firebell near-miss list --limit 10"))
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True)
@as_json
def list_(limit: int) -> None:
    """List near misses, latest first."""
    listed = call_first("/api/v1/near-misses", limit)
    rows = [
        [one["ref"], f"SEV{one['potential_severity']}", one["state"], short(one["noticed_at"]), one["title"]]
        for one in listed
    ]
    head = ("REF", "COULD BE", "STATE", "NOTICED", "TITLE")
    show_table(listed, head, rows, wide=4, empty="No near misses yet.")


@near_miss.command("show", epilog=example("firebell near-miss show NM-4"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Print a near miss as Markdown."""
    one = call("GET", f"/api/v1/near-misses/{seg(ref)}")
    parts = (
        ("What could have happened", one["could_have"]),
        ("What held", one["barrier"]),
        ("What we learn", one["lessons"]),
    )
    text = "\n\n".join(f"## {title}\n\n{body}" for title, body in parts if body)
    show(one, f"# {one['ref']}: {one['title']}\n\n{text}")


@near_miss.command("publish", epilog=example("firebell near-miss publish NM-4"))
@click.argument("ref")
@as_json
def publish(ref: str) -> None:
    """Publish a near miss that has lessons."""
    published = call("POST", f"/api/v1/near-misses/{seg(ref)}/publish")
    show(published, f"{published['ref']} published.")
