"""`firebell page send` and `firebell incident page`: page someone by hand."""

from collections.abc import Callable
from typing import Any

import click

from firebell.commands.client import call, call_once, seg
from firebell.commands.lookup import team_id
from firebell.commands.output import USAGE, as_json, example, fail, show
from firebell.commands.people import person_id_of


def _by_slug(path: str) -> Callable[[str], int]:
    return lambda wanted: int(call("GET", f"{path}/{seg(wanted)}")["id"])


_KINDS: dict[str, Callable[[str], int]] = {
    "person": person_id_of,
    "team": team_id,
    "schedule": _by_slug("/api/v1/schedules"),
    "policy": _by_slug("/api/v1/policies"),
}


def _target(**chosen: str | None) -> dict[str, Any]:
    """Return the one chosen target with its id; end the command unless exactly one is chosen."""
    given = [(kind, wanted) for kind, wanted in chosen.items() if wanted]
    if len(given) != 1:
        fail("Choose who to page.", "Pass one of --person, --team, --schedule and --policy.", USAGE)
    ((kind, wanted),) = given
    return {"kind": kind, "id": _KINDS[kind](wanted)}


def _send(text: str, incident: str | None, confirm: bool, **chosen: str | None) -> None:
    body = {"target": _target(**chosen), "text": text, "incident": incident, "confirm": confirm}
    page = call_once("/api/v1/pages", body)
    undo = " To undo it within 30 seconds: firebell undo" if page["undo"] else ""
    show(page, f"{page['ref']} pages {page['started_by']['target_name']}.{undo}")


_OPTIONS = (
    click.option("--person", help="Email address or id of a person."),
    click.option("--team", help="Slug of a team: everyone in it."),
    click.option("--schedule", help="Slug of a schedule: who is on call."),
    click.option("--policy", help="Slug of an escalation policy: its levels in order."),
    click.option("--confirm", is_flag=True, help="Also if you started five pages in ten minutes."),
)


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.command(
    epilog=example(
        "firebell page send 'Replication is stuck on db-3' --schedule database",
        "firebell page send 'Please join the call' --person jun@example.org --incident INC-3",
    )
)
@click.argument("text")
@_with_options
@click.option("--incident", metavar="REF", help="The incident that it is about.")
@as_json
def send(
    text: str,
    person: str | None,
    team: str | None,
    schedule: str | None,
    policy: str | None,
    incident: str | None,
    confirm: bool,
) -> None:
    """Page someone now and tell them TEXT.

    A page whose answer is lost is sent again and still starts once.
    """
    _send(text, incident, confirm, person=person, team=team, schedule=schedule, policy=policy)


@click.command(
    "page", epilog=example("firebell incident page INC-3 'Need a database expert' --schedule database")
)
@click.argument("ref")
@click.argument("text")
@_with_options
@as_json
def incident_page(
    ref: str,
    text: str,
    person: str | None,
    team: str | None,
    schedule: str | None,
    policy: str | None,
    confirm: bool,
) -> None:
    """Page someone about incident REF and tell them TEXT."""
    _send(text, ref, confirm, person=person, team=team, schedule=schedule, policy=policy)
