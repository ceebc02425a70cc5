"""`firebell regime`: regulatory regimes and the clocks of all incidents."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.incident_clocks import STATES, rows
from firebell.commands.output import as_json, example, show, show_table, table


@click.group()
def regime() -> None:
    """Show regulatory regimes, and turn them on and off."""


@regime.command("list", epilog=example("firebell regime list"))
@as_json
def list_() -> None:
    """List every regime, and whether it applies to your organization."""
    regimes = call("GET", "/api/v1/regimes")
    lines = [
        [
            r["id"],
            "on" if r["on"] else "off",
            r["jurisdiction"],
            str(len(r["obligations"])),
            str(sum(not o["verified"] for o in r["obligations"]) or "-"),
            r["name"],
        ]
        for r in regimes
    ]
    head = ("REGIME", "STATE", "JURISDICTION", "OBLIGATIONS", "UNVERIFIED", "NAME")
    show_table(regimes, head, lines, wide=5, empty="No regimes.")


@regime.command("show", epilog=example("firebell regime show eu-gdpr"))
@click.argument("regime_id", metavar="REGIME")
@as_json
def show_(regime_id: str) -> None:
    """Show the obligations of REGIME with their time limits."""
    fields = call("GET", f"/api/v1/regimes/{seg(regime_id)}")
    _show(fields)


def _show(fields: dict[str, Any]) -> None:
    lines = [
        f"{fields['name']} ({fields['jurisdiction']}), {'on' if fields['on'] else 'off'}",
        f"  who: {fields['scope']}",
        f"  source: {fields['source']}",
        f"  rules of {fields['version']}, review by {fields['review_by']}; confirm with counsel",
        f"  days end in {fields['tz']}",
    ]
    lines += [f"  register: {fields['register_duty']}"] if fields["register_duty"] else []
    lines += [f"  {note}" for note in fields["notes"]]
    obligations = [
        [o["id"], o["article"], "" if o["verified"] else "not verified", o["limit"]]
        for o in fields["obligations"]
    ]
    show(
        fields,
        "\n".join(lines) + "\n" + table(("OBLIGATION", "ARTICLE", "", "TIME LIMIT"), obligations, wide=3),
    )


@regime.command(
    "set",
    epilog=example(
        "firebell regime set eu-dora --on --authority Finansinspektionen --tz Europe/Stockholm",
        "firebell regime set us-hipaa --off",
    ),
)
@click.argument("regime_id", metavar="REGIME")
@click.option("--on/--off", "is_on", default=None, help="Whether it applies to your organization.")
@click.option("--authority", help="The authority to notify.")
@click.option("--tz", help="The time zone in which its days end.")
@as_json
def set_(regime_id: str, is_on: bool | None, authority: str | None, tz: str | None) -> None:
    """Set how REGIME applies to your organization. What you leave out stays as it is."""
    path = f"/api/v1/regimes/{seg(regime_id)}"
    current = call("GET", path)
    body = {
        "on": current["on"] if is_on is None else is_on,
        "authority": current["authority"] if authority is None else authority,
        "tz": tz or current["tz"],
        "responsible_id": current["responsible_id"],
    }
    _show(call("PUT", path, body))


@regime.command(epilog=example("firebell regime facts"))
@as_json
def facts() -> None:
    """List the facts that can be recorded of an incident."""
    listed = call("GET", "/api/v1/facts")
    head = ("FACT", "TYPE", "QUESTION")
    show_table(listed, head, [[f["id"], f["type"], f["label"]] for f in listed], wide=2, empty="No facts.")


@regime.command(epilog=example("firebell regime clocks", "firebell regime clocks --state undecided"))
@click.option(
    "--state",
    multiple=True,
    type=click.Choice(STATES),
    metavar="STATE",
    help=f"{', '.join(STATES[:-1])} or {STATES[-1]}; repeatable. Default: those that run.",
)
@as_json
def clocks(state: tuple[str, ...]) -> None:
    """List the clocks of all incidents."""
    listed = call("GET", "/api/v1/clocks", state=list(state) or None)
    lines = [[c["incident"], *row] for c, row in zip(listed, rows(listed), strict=True)]
    head = ("INCIDENT", "OBLIGATION", "STATE", "DUE", "NOTIFICATION")
    show_table(listed, head, lines, wide=4, empty="No regulatory clocks.")
