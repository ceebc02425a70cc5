"""`firebell statuspage relabel`: change the past of a component, with a second person's yes."""

from typing import Any

import click

from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, instant, local, show, show_table

Fields = dict[str, Any]
STATUSES = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")


def _path(slug: str, relabeling_id: int | None = None, answer: str = "") -> str:
    own = "" if relabeling_id is None else f"/{relabeling_id}/{answer}"
    return f"/api/v1/status-pages/{seg(slug)}/relabelings{own}"


def _percent(share: float | None) -> str:
    return "no data" if share is None else "100%" if share == 1 else f"{share * 100:.2f}%"


@click.group()
def relabel() -> None:
    """Change the past of a component; what looks better then needs a second person."""


@relabel.command("list", epilog=example("firebell statuspage relabel list kestrel"))
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(slug: str, limit: int) -> None:
    """List the relabelings of a status page, the last requested first."""
    listed = call_first(_path(slug), limit)
    rows = [
        [
            str(r["id"]),
            r["state"],
            r["component"],
            r["status"].replace("_", " "),
            f"{local(r['start'])} to {local(r['end'])}",
            f"{_percent(r['uptime_before'])} -> {_percent(r['uptime_after'])}",
        ]
        for r in listed
    ]
    head = ("ID", "STATE", "COMPONENT", "STATUS", "WHEN", "UPTIME")
    show_table(listed, head, rows, wide=2, empty="No relabelings.")


@relabel.command(
    epilog=example(
        "firebell statuspage relabel request kestrel 3 2026-11-24T02:00 \\",
        "    2026-11-24T03:00 --status under_maintenance --reason 'Announced by email.'",
    )
)
@click.argument("slug")
@click.argument("component", type=click.IntRange(min=1))
@click.argument("start")
@click.argument("end")
@click.option(
    "--status",
    type=click.Choice(STATUSES),
    metavar="STATUS",
    required=True,
    help=f"{', '.join(STATUSES[:-1])} or {STATUSES[-1]}.",
)
@click.option("--reason", required=True, help="Readers of the page see it.")
@as_json
def request(slug: str, component: int, start: str, end: str, status: str, reason: str) -> None:
    """Relabel COMPONENT from START to END."""
    body = {
        "component_id": component,
        "start": instant(start, "START"),
        "end": instant(end, "END"),
        "status": status,
        "reason": reason,
    }
    one = call("POST", _path(slug), body)
    uptime = f"{_percent(one['uptime_before'])} -> {_percent(one['uptime_after'])}"
    if one["state"] == "waiting":
        show(one, f"Relabeling {one['id']} waits: someone else must accept it. Uptime {uptime}.")
    else:
        show(one, f"Relabeled. Uptime {uptime}.")


@relabel.command(epilog=example("firebell statuspage relabel accept kestrel 3"))
@click.argument("slug")
@click.argument("relabeling_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def accept(slug: str, relabeling_id: int) -> None:
    """Accept a relabeling that someone else requested."""
    show(call("POST", _path(slug, relabeling_id, "accept")), "Accepted.")


@relabel.command(epilog=example("firebell statuspage relabel decline kestrel 3"))
@click.argument("slug")
@click.argument("relabeling_id", metavar="ID", type=click.IntRange(min=1))
@as_json
def decline(slug: str, relabeling_id: int) -> None:
    """Decline a relabeling, or withdraw your own."""
    one = call("POST", _path(slug, relabeling_id, "decline"))
    show(one, f"{one['state'].capitalize()}.")
