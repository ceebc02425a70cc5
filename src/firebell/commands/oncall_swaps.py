"""`firebell oncall cover`, `swap` and `vacation`: cover requests, swaps and time off."""

from typing import Any

import click

from firebell.commands.client import call, call_all
from firebell.commands.ids import ID
from firebell.commands.output import as_json, example, instant, short, show, show_table
from firebell.kit.text import plural

_FROM_HELP = "Such as 2026-12-24T18:00 or 2026-12-24T18:00+01:00."
_TO_HELP = "Same format as --from."
_USER_HELP = "Email address or id. Default: yourself."
_ALL_HELP = "Also decided and past ones."


def _span(fields: dict[str, Any], start: str = "start", end: str = "end") -> str:
    return f"{short(fields[start])} to {short(fields[end])}"


@click.group()
def cover() -> None:
    """Request cover for your shifts, and cover for others."""


def _cover_line(request: dict[str, Any]) -> str:
    by = f" by {request['taken_by']['name']}" if request["taken_by"] else ""
    why = f" ({request['why']})" if request["why"] else ""
    who = request["requester"]["name"]
    return f"Request {request['id']}: {who} on {request['schedule']}, {_span(request)}, {request['state']}{by}{why}."


def _act_on_cover(request: int, verb: str, body: dict[str, Any] | None = None) -> None:
    updated = call("POST", f"/api/v1/covers/{request}/{verb}", body)
    show(updated, _cover_line(updated))


@cover.command(
    epilog=example("firebell oncall cover ask payments-primary --from 2026-12-24T18:00 --to 2026-12-25T09:00")
)
@click.argument("schedule")
@click.option("--from", "start", required=True, help=_FROM_HELP)
@click.option("--to", "end", required=True, help=_TO_HELP)
@click.option("--user", help=_USER_HELP)
@click.option(
    "--ask", "asked", multiple=True, help="Email address or id of someone to ask; repeatable. Default: all."
)
@click.option("--reason", default="", help="Why.")
@as_json
def ask(schedule: str, start: str, end: str, user: str | None, asked: tuple[str, ...], reason: str) -> None:
    """Request cover on SCHEDULE. The shift stays yours until someone takes it."""
    body = {
        "schedule": schedule,
        "person": user,
        "start": instant(start, "--from"),
        "end": instant(end, "--to"),
        "asked": asked,
        "reason": reason,
    }
    request = call("POST", "/api/v1/covers", body)
    show(request, _cover_line(request))


@cover.command("list", epilog=example("firebell oncall cover list --all"))
@click.option("--all", "include_decided", is_flag=True, help=_ALL_HELP)
@as_json
def list_covers(include_decided: bool) -> None:
    """List open cover requests."""
    requests = call_all("/api/v1/covers", **({"which": "all"} if include_decided else {"state": "open"}))
    rows = [
        [
            str(c["id"]),
            c["schedule"],
            c["requester"]["name"],
            short(c["start"]),
            short(c["end"]),
            c["state"],
            c["reason"] or "-",
        ]
        for c in requests
    ]
    head = ("ID", "SCHEDULE", "WHO", "FROM", "TO", "STATE", "REASON")
    show_table(requests, head, rows, wide=6, empty="No open cover requests.")


@cover.command(epilog=example("firebell oncall cover take 12 --to 2026-12-24T22:00"))
@click.argument("request", type=ID)
@click.option("--from", "start", help="Take only the part from this time on.")
@click.option("--to", "end", help=_TO_HELP)
@click.option("--user", help=_USER_HELP)
@as_json
def take(request: int, start: str | None, end: str | None, user: str | None) -> None:
    """Take REQUEST, or a part of it; the rest stays open."""
    body = {
        "person": user,
        "start": instant(start, "--from") if start else None,
        "end": instant(end, "--to") if end else None,
    }
    _act_on_cover(request, "take", body)


@cover.command(epilog=example("firebell oncall cover decline 12"))
@click.argument("request", type=ID)
@as_json
def decline(request: int) -> None:
    """Decline REQUEST; others can still take it."""
    _act_on_cover(request, "decline", {})


@cover.command(epilog=example("firebell oncall cover withdraw 12"))
@click.argument("request", type=ID)
@as_json
def withdraw(request: int) -> None:
    """Withdraw REQUEST; the shift stays with the requester."""
    _act_on_cover(request, "withdraw")


@cover.command("give-back", epilog=example("firebell oncall cover give-back 12"))
@click.argument("request", type=ID)
@as_json
def give_back(request: int) -> None:
    """Return a taken REQUEST; it opens again."""
    _act_on_cover(request, "give-back")


@click.group()
def swap() -> None:
    """Swap a shift with someone else."""


def _swap_line(fields: dict[str, Any]) -> str:
    offered, wanted = _span(fields), _span(fields, "their_start", "their_end")
    return (
        f"Swap {fields['id']} on {fields['schedule']}: {fields['proposer']['name']} {offered}"
        f" for {fields['other']['name']} {wanted}, {fields['state']}."
    )


@swap.command(
    epilog=example(
        "firebell oncall swap propose payments-primary --from 2026-12-21T09:00 --to 2026-12-28T09:00"
        " --with jun@example.org --their-from 2026-12-28T09:00 --their-to 2027-01-04T09:00"
    )
)
@click.argument("schedule")
@click.option("--from", "start", required=True, help=_FROM_HELP)
@click.option("--to", "end", required=True, help=_TO_HELP)
@click.option("--with", "other", required=True, help="Email address or id.")
@click.option("--their-from", "their_start", required=True, help=_FROM_HELP)
@click.option("--their-to", "their_end", required=True, help=_TO_HELP)
@click.option("--user", help=_USER_HELP)
@click.option("--reason", default="", help="Why.")
@as_json
def propose(
    schedule: str,
    start: str,
    end: str,
    other: str,
    their_start: str,
    their_end: str,
    user: str | None,
    reason: str,
) -> None:
    """Propose to swap a shift on SCHEDULE. The other person has to accept."""
    body = {
        "schedule": schedule,
        "person": user,
        "start": instant(start, "--from"),
        "end": instant(end, "--to"),
        "other": other,
        "their_start": instant(their_start, "--their-from"),
        "their_end": instant(their_end, "--their-to"),
        "reason": reason,
    }
    proposed = call("POST", "/api/v1/swaps", body)
    show(proposed, _swap_line(proposed))


@swap.command("list", epilog=example("firebell oncall swap list"))
@click.option("--all", "include_decided", is_flag=True, help=_ALL_HELP)
@as_json
def list_swaps(include_decided: bool) -> None:
    """List proposed swaps."""
    swaps = call_all("/api/v1/swaps", **({"which": "all"} if include_decided else {"state": "open"}))
    show(swaps, "\n".join(_swap_line(s) for s in swaps) or "No proposed swaps.")


def _act_on_swap(swap_id: int, verb: str) -> None:
    updated = call("POST", f"/api/v1/swaps/{swap_id}/{verb}")
    show(updated, _swap_line(updated))


@swap.command(epilog=example("firebell oncall swap accept 3"))
@click.argument("swap_id", type=ID)
@as_json
def accept(swap_id: int) -> None:
    """Accept a swap that was proposed to you."""
    _act_on_swap(swap_id, "accept")


@swap.command("decline", epilog=example("firebell oncall swap decline 3"))
@click.argument("swap_id", type=ID)
@as_json
def decline_swap(swap_id: int) -> None:
    """Decline a swap that was proposed to you."""
    _act_on_swap(swap_id, "decline")


@swap.command("withdraw", epilog=example("firebell oncall swap withdraw 3"))
@click.argument("swap_id", type=ID)
@as_json
def withdraw_swap(swap_id: int) -> None:
    """Withdraw a swap that you proposed."""
    _act_on_swap(swap_id, "withdraw")


@click.group()
def vacation() -> None:
    """Manage time off, which requests cover for your shifts."""


@vacation.command(
    epilog=example("firebell oncall vacation add --from 2026-12-20 --to 2027-01-04 --reason 'winter break'")
)
@click.option("--from", "start", required=True, help=_FROM_HELP)
@click.option("--to", "end", required=True, help=_TO_HELP)
@click.option("--user", help=_USER_HELP)
@click.option("--reason", default="", help="Why.")
@as_json
def add(start: str, end: str, user: str | None, reason: str) -> None:
    """Add time off."""
    body = {
        "person": user,
        "start": instant(start, "--from"),
        "end": instant(end, "--to"),
        "reason": reason,
    }
    absence = call("POST", "/api/v1/vacations", body)
    shifts = f"{plural(absence['open'], 'shift')} to cover"
    show(absence, f"Time off {absence['id']} of {absence['person']['name']}: {_span(absence)}, {shifts}.")


@vacation.command("list", epilog=example("firebell oncall vacation list"))
@as_json
def list_vacations() -> None:
    """List current and upcoming time off."""
    absences = call_all("/api/v1/vacations")
    rows = [
        [
            str(v["id"]),
            v["person"]["name"],
            short(v["start"]),
            short(v["end"]),
            f"{v['open']} of {v['covers']}",
            v["reason"] or "-",
        ]
        for v in absences
    ]
    head = ("ID", "WHO", "FROM", "TO", "TO COVER", "REASON")
    show_table(absences, head, rows, wide=5, empty="No one has time off.")


@vacation.command(epilog=example("firebell oncall vacation cancel 4"))
@click.argument("vacation_id", type=ID)
@as_json
def cancel(vacation_id: int) -> None:
    """Cancel time off; shifts that others took stay with them."""
    call("DELETE", f"/api/v1/vacations/{vacation_id}")
    show({"cancelled": vacation_id}, f"Canceled time off {vacation_id}.")
