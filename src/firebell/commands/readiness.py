"""`firebell readiness`: the 16 items of readiness with what they lack; waive one; sign a quarter."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, instant, short, show

_MARKS = {"met": "ok", "expiring": "soon", "missing": "MISSING", "waived": "waived"}


def _lines(shown: dict[str, Any], *, everything: bool) -> list[str]:
    lines = [f"Score {shown['score']} of 100"]
    for item in shown["items"]:
        until = f", until {short(item['valid_until'])}" if item["valid_until"] else ""
        lines.append(f"  {item['id']}  {_MARKS[item['state']]:8}{item['name']}{until}")
        if item["waiver"]:
            waiver = item["waiver"]
            lines.append(f"       {waiver['by']}: {waiver['reason']}, until {short(waiver['until'])}")
        for condition in item["conditions"]:
            if everything or (not condition["ok"] and item["state"] == "missing"):
                mark = "+" if condition["ok"] else "-"
                lines.append(
                    f"       {mark} {condition['text']}: {condition['have']} (needs {condition['need']})"
                )
    return lines


@click.group(invoke_without_command=True, epilog=example("firebell readiness", "firebell readiness --all"))
@click.option("--all", "everything", is_flag=True, help="With every condition.")
@as_json
@click.pass_context
def readiness(ctx: click.Context, everything: bool) -> None:
    """Show the 16 items of readiness, each proved by stored data."""
    if ctx.invoked_subcommand is None:
        shown = call("GET", "/api/v1/readiness")
        show(shown, "\n".join(_lines(shown, everything=everything)))


@readiness.command(
    epilog=example(
        "firebell readiness waive 2.4 --until 2027-01-31 --reason 'The new team starts in January'"
    )
)
@click.argument("item")
@click.option("--until", required=True, metavar="TIME", help="Within 180 days.")
@click.option("--reason", required=True)
@as_json
def waive(item: str, until: str, reason: str) -> None:
    """Waive ITEM: it doesn't count toward the score for a while."""
    shown = call(
        "PUT", f"/api/v1/readiness/{seg(item)}/waiver", {"reason": reason, "until": instant(until, "--until")}
    )
    show(shown, f"{item} is waived. The score is {shown['score']}.")


@readiness.command(epilog=example("firebell readiness unwaive 2.4"))
@click.argument("item")
@as_json
def unwaive(item: str) -> None:
    """End the waiver of ITEM."""
    shown = call("DELETE", f"/api/v1/readiness/{seg(item)}/waiver")
    show(shown, f"{item} counts again. The score is {shown['score']}.")


def _quarter_state(quarter: dict[str, Any]) -> str:
    if quarter["complete"]:
        return "complete"
    if not quarter["teams"]:
        return "no team owned a service"
    if all(review["signed_at"] for review in quarter["teams"]):
        return f"signed late, was due by {short(quarter['deadline'])}"
    return f"{'was due' if quarter['overdue'] else 'due'} by {short(quarter['deadline'])}"


@readiness.command(epilog=example("firebell readiness quarters"))
@as_json
def quarters() -> None:
    """Show which teams signed the last four quarters."""
    shown = call("GET", "/api/v1/readiness/quarters")
    lines = []
    for each in shown:
        lines.append(f"{each['quarter']}  {_quarter_state(each)}")
        for review in each["teams"]:
            signed = (
                f"{review['signed_by']}, {short(review['signed_at'])}"
                if review["signed_at"]
                else "not signed"
            )
            lines.append(f"  {review['team']:16}{signed}")
            lines += [f"    {line}" for line in review["decisions"].splitlines()]
    show(shown, "\n".join(lines))


@readiness.command(
    epilog=example("firebell readiness sign 2026-Q3 --team payments --decisions 'DiskAlmostFull is removed.'")
)
@click.argument("quarter")
@click.option("--team", required=True, metavar="SLUG")
@click.option("--decisions", required=True, help="What changes, or that nothing does.")
@as_json
def sign(quarter: str, team: str, decisions: str) -> None:
    """Sign that a team reviewed the metrics and alert rules of QUARTER. A signature is final."""
    shown = call(
        "PUT", f"/api/v1/readiness/quarters/{seg(quarter)}/signatures/{seg(team)}", {"decisions": decisions}
    )
    show(shown, f"{quarter.upper()} is signed for {team}.")
