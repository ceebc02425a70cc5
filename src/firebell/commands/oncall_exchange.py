"""`firebell oncall cover`, `swap` and `vacation`."""

from typing import Any

import click

from firebell.commands.client import call, call_all
from firebell.commands.output import as_json, example, instant, short, show, table

ID = click.IntRange(1, 2**63 - 1)
WHEN = "2026-12-24T18:00 or 2026-12-24T18:00+01:00"
WHO = "E-mail address or id; default yourself."


def _span(found: dict[str, Any], start: str = "start", end: str = "end") -> str:
    return f"{short(found[start])} to {short(found[end])}"


@click.group()
def cover() -> None:
    """Ask to be relieved, and relieve others."""


def _told(found: dict[str, Any]) -> str:
    taken = f" by {found['taken_by']['name']}" if found["taken_by"] else ""
    taken += f" ({found['why']})" if found["why"] else ""
    who = found["requester"]["name"]
    return f"Request {found['id']}: {who} on {found['schedule']}, {_span(found)}, {found['state']}{taken}."


@cover.command(
    epilog=example("firebell oncall cover ask payments-primary --from 2026-12-24T18:00 --to 2026-12-25T09:00")
)
@click.argument("schedule")
@click.option("--from", "start", required=True, help=WHEN)
@click.option("--to", "end", required=True)
@click.option("--user", help=WHO)
@click.option("--ask", "asked", multiple=True, help="Whom to ask; may be given several times; default all.")
@click.option("--reason", default="")
@as_json
def ask(schedule: str, start: str, end: str, user: str | None, asked: tuple[str, ...], reason: str) -> None:
    """Ask for cover on SCHEDULE; until somebody takes it the shift stays yours."""
    body = {
        "schedule": schedule,
        "person": user,
        "start": instant(start, "--from"),
        "end": instant(end, "--to"),
        "asked": asked,
        "reason": reason,
    }
    found = call("POST", "/api/v1/covers", body)
    show(found, _told(found))


@cover.command("list", epilog=example("firebell oncall cover list --all"))
@click.option("--all", "every", is_flag=True, help="Those that are decided or over too.")
@as_json
def list_covers(every: bool) -> None:
    """List open requests for cover."""
    found = call_all("/api/v1/covers", **({"which": "all"} if every else {"state": "open"}))
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
        for c in found
    ]
    head = ("ID", "SCHEDULE", "WHO", "FROM", "TO", "STATE", "REASON")
    show(found, table(head, rows, wide=6) if rows else "Nobody asks for cover.")


@cover.command(epilog=example("firebell oncall cover take 12 --to 2026-12-24T22:00"))
@click.argument("request", type=ID)
@click.option("--from", "start", help="Take a part of it.")
@click.option("--to", "end")
@click.option("--user", help=WHO)
@as_json
def take(request: int, start: str | None, end: str | None, user: str | None) -> None:
    """Take REQUEST, or a part of it; the rest stays open."""
    body = {
        "person": user,
        "start": instant(start, "--from") if start else None,
        "end": instant(end, "--to") if end else None,
    }
    found = call("POST", f"/api/v1/covers/{request}/take", body)
    show(found, _told(found))


@cover.command(epilog=example("firebell oncall cover decline 12"))
@click.argument("request", type=ID)
@as_json
def decline(request: int) -> None:
    """Say no to REQUEST; others may still take it."""
    found = call("POST", f"/api/v1/covers/{request}/decline", {})
    show(found, _told(found))


@cover.command(epilog=example("firebell oncall cover withdraw 12"))
@click.argument("request", type=ID)
@as_json
def withdraw(request: int) -> None:
    """Ask no more: the shift stays with who asked."""
    found = call("POST", f"/api/v1/covers/{request}/withdraw")
    show(found, _told(found))


@cover.command("give-back", epilog=example("firebell oncall cover give-back 12"))
@click.argument("request", type=ID)
@as_json
def give_back(request: int) -> None:
    """Undo a taken REQUEST; it is open again."""
    found = call("POST", f"/api/v1/covers/{request}/give-back")
    show(found, _told(found))


@click.group()
def swap() -> None:
    """Exchange a shift for somebody else's."""


def _exchanged(found: dict[str, Any]) -> str:
    mine, theirs = _span(found), _span(found, "their_start", "their_end")
    return (
        f"Swap {found['id']} on {found['schedule']}: {found['proposer']['name']} {mine}"
        f" for {found['other']['name']} {theirs}, {found['state']}."
    )


@swap.command(
    epilog=example(
        "firebell oncall swap propose payments-primary --from 2026-12-21T09:00 --to 2026-12-28T09:00"
        " --with jun@example.org --their-from 2026-12-28T09:00 --their-to 2027-01-04T09:00"
    )
)
@click.argument("schedule")
@click.option("--from", "start", required=True, help=WHEN)
@click.option("--to", "end", required=True)
@click.option("--with", "other", required=True, help="E-mail address or id.")
@click.option("--their-from", "their_start", required=True, help=WHEN)
@click.option("--their-to", "their_end", required=True)
@click.option("--user", help=WHO)
@click.option("--reason", default="")
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
    """Offer your shift on SCHEDULE for a shift of somebody else, who has to accept."""
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
    found = call("POST", "/api/v1/swaps", body)
    show(found, _exchanged(found))


@swap.command("list", epilog=example("firebell oncall swap list"))
@click.option("--all", "every", is_flag=True, help="Those that are decided or over too.")
@as_json
def list_swaps(every: bool) -> None:
    """List proposed swaps."""
    found = call_all("/api/v1/swaps", **({"which": "all"} if every else {"state": "open"}))
    show(found, "\n".join(_exchanged(s) for s in found) or "No swap is proposed.")


def _decide(swap_id: int, verb: str) -> None:
    found = call("POST", f"/api/v1/swaps/{swap_id}/{verb}")
    show(found, _exchanged(found))


@swap.command(epilog=example("firebell oncall swap accept 3"))
@click.argument("swap_id", type=ID)
@as_json
def accept(swap_id: int) -> None:
    """Accept a swap that was proposed to you."""
    _decide(swap_id, "accept")


@swap.command("decline", epilog=example("firebell oncall swap decline 3"))
@click.argument("swap_id", type=ID)
@as_json
def decline_swap(swap_id: int) -> None:
    """Decline a swap that was proposed to you."""
    _decide(swap_id, "decline")


@swap.command("withdraw", epilog=example("firebell oncall swap withdraw 3"))
@click.argument("swap_id", type=ID)
@as_json
def withdraw_swap(swap_id: int) -> None:
    """Take a proposed swap back."""
    _decide(swap_id, "withdraw")


@click.group()
def vacation() -> None:
    """Absences, which ask for cover for the shifts that they touch."""


@vacation.command(
    epilog=example("firebell oncall vacation add --from 2026-12-20 --to 2027-01-04 --reason 'winter break'")
)
@click.option("--from", "start", required=True, help=WHEN)
@click.option("--to", "end", required=True)
@click.option("--user", help=WHO)
@click.option("--reason", default="")
@as_json
def add(start: str, end: str, user: str | None, reason: str) -> None:
    """Note an absence."""
    body = {
        "person": user,
        "start": instant(start, "--from"),
        "end": instant(end, "--to"),
        "reason": reason,
    }
    found = call("POST", "/api/v1/vacations", body)
    shifts = f"{found['open']} shift{'' if found['open'] == 1 else 's'} to cover"
    show(found, f"Vacation {found['id']} of {found['person']['name']}: {_span(found)}, {shifts}.")


@vacation.command("list", epilog=example("firebell oncall vacation list"))
@as_json
def list_vacations() -> None:
    """List the absences that are not over."""
    found = call_all("/api/v1/vacations")
    rows = [
        [
            str(v["id"]),
            v["person"]["name"],
            short(v["start"]),
            short(v["end"]),
            f"{v['open']} of {v['covers']}",
            v["reason"] or "-",
        ]
        for v in found
    ]
    head = ("ID", "WHO", "FROM", "TO", "TO COVER", "REASON")
    show(found, table(head, rows, wide=5) if rows else "Nobody is away.")


@vacation.command(epilog=example("firebell oncall vacation cancel 4"))
@click.argument("vacation_id", type=ID)
@as_json
def cancel(vacation_id: int) -> None:
    """Cancel an absence; what others have taken stays with them."""
    call("DELETE", f"/api/v1/vacations/{vacation_id}")
    show({"cancelled": vacation_id}, f"Vacation {vacation_id} is canceled.")
