"""`firebell postmortem meeting`: meetings about a post-mortem."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, fail, instant, short, show, show_table
from firebell.commands.people import people_of


def _address(ref: str, below: str = "") -> str:
    return f"/api/v1/post-mortems/{seg(ref)}/meetings{below}"


@click.group()
def meeting() -> None:
    """Start, record and list meetings about a post-mortem."""


@meeting.command("list", epilog=example("firebell postmortem meeting list INC-3"))
@click.argument("ref")
@as_json
def list_(ref: str) -> None:
    """List the meetings about the post-mortem of incident REF, latest first."""
    meetings = call("GET", _address(ref))
    rows = [
        [
            short(one["started_at"]),
            one["state"],
            str(one["lasted_s"] // 60),
            one["not_held_reason"] or ", ".join(who["name"] for who in one["attendees"]) or "-",
        ]
        for one in meetings
    ]
    show_table(meetings, ("BEGAN", "STATE", "MINUTES", "PEOPLE"), rows, wide=3, empty="No meetings yet.")


@meeting.command("start", epilog=example("firebell postmortem meeting start INC-3 --minutes 30"))
@click.argument("ref")
@click.option("--minutes", type=click.Choice(["30", "60"]), default="60", show_default=True)
@as_json
def start(ref: str, minutes: str) -> None:
    """Start a meeting that you lead; its page counts down the parts."""
    started = call("POST", _address(ref), {"minutes": int(minutes)})
    parts = ", ".join(f"{part['title']} {part['minutes']}" for part in started["parts"])
    show(started, f"Meeting started: {parts} min. Its page: /post-mortems/{ref.upper()}/meeting")


@meeting.command("next", epilog=example("firebell postmortem meeting next INC-3"))
@click.argument("ref")
@as_json
def next_(ref: str) -> None:
    """Move to the next part, and print what to say."""
    running = _running(ref)
    changed = call(
        "PATCH", _address(ref, "/running"), {"part": running["part"] + 1, "from_part": running["part"]}
    )
    part = changed["parts"][changed["part"]]
    show(changed, f"{part['title']}, {part['minutes']} min\n  “{part['sentence']}”")


@meeting.command("end", epilog=example("firebell postmortem meeting end INC-3"))
@click.argument("ref")
@as_json
def end(ref: str) -> None:
    """End the running meeting."""
    ended = call("PATCH", _address(ref, "/running"), {"ended": True})
    show(ended, f"Meeting ended after {ended['lasted_s'] // 60} min: {ended['state']}.")


@meeting.command(
    "record",
    epilog=example(
        "firebell postmortem meeting record INC-3 --at 14:00 --minutes 45 --with jun@example.com",
        'firebell postmortem meeting record INC-3 --not-held "One person acted"',
    ),
)
@click.argument("ref")
@click.option("--at", help="When it began, such as 14:00 or 2026-11-27T14:00.")
@click.option("--minutes", type=click.IntRange(1, 600), help="How long it took.")
@click.option("--with", "people", multiple=True, help="Email address or id of someone who took part.")
@click.option("--not-held", "reason", help="Why no meeting is held.")
@as_json
def record(
    ref: str, at: str | None, minutes: int | None, people: tuple[str, ...], reason: str | None
) -> None:
    """Record a meeting that was held elsewhere, or that none is held."""
    if reason:
        recorded = call("POST", _address(ref, "/not-held"), {"reason": reason})
        show(recorded, "Recorded that no meeting is held.")
        return
    if not at or not minutes or not people:
        fail(
            "A meeting needs --at, --minutes and --with.",
            "Or say why there is none with --not-held REASON.",
            2,
        )
    body: dict[str, Any] = {
        "started_at": instant(at, "--at"),
        "minutes": minutes,
        "attendee_ids": [person["id"] for person in people_of(people)],
    }
    recorded = call("POST", _address(ref, "/recorded"), body)
    show(recorded, f"Meeting recorded: {recorded['state']}.")


def _running(ref: str) -> Any:
    meetings = call("GET", _address(ref))
    running = next((one for one in meetings if one["ended_at"] is None), None)
    if running is None:
        fail("No meeting is running.", f"Start one with: firebell postmortem meeting start {ref}")
    return running
