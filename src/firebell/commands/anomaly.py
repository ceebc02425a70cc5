"""`firebell anomaly`: unusual numbers of alerts, and the back-test of what watches them."""

from typing import Any

import click

from firebell.anomalies.bins import BinSize
from firebell.anomalies.model import STATE_NAMES
from firebell.commands.client import call, call_first, seg
from firebell.commands.output import as_json, example, instant, short, show, show_table
from firebell.kit.text import plural

_LISTED = 50
_rule = click.option("--rule", default="", help="One rule of the service, instead of all its alerts.")


@click.group()
def anomaly() -> None:
    """Unusual numbers of alerts: what is watched, what it would have paged for, and what it did."""


def _usual(one: dict[str, Any]) -> str:
    return "learning" if one["usual_high"] is None else f"{one['usual_low']}–{one['usual_high']}"


def _length(one: dict[str, Any]) -> str:
    return BinSize(one["bin_minutes"]).label


@anomaly.command("list", epilog=example("firebell anomaly list", "firebell anomaly list --fired"))
@click.option("--fired", is_flag=True, help="The newest anomalies, instead of what is watched.")
@as_json
def list_(fired: bool) -> None:
    """List each service with its detector, or the newest anomalies."""
    if fired:
        rows = call_first("/api/v1/anomalies", _LISTED)
        show_table(
            rows,
            ("FIRED", "SERVICE", "RULE", "BIN", "ALERTS", "USUALLY", "CLEARED"),
            [
                (
                    *(short(one["fired_at"]), one["service"], one["rule"] or "all", _length(one)),
                    *(str(one["count"]), _usual(one), short(one["cleared_at"]) or "firing"),
                )
                for one in rows
            ],
            wide=2,
            empty="No anomalies yet.",
        )
        return
    rows = call("GET", "/api/v1/anomalies/detectors")
    show_table(
        rows,
        ("SERVICE", "RULE", "STATE", "ALERTS IN 30 D", "ANOMALIES"),
        [
            (
                *(one["service"], one["rule"] or "all"),
                STATE_NAMES[one["state"]] + (", firing" if one["is_firing"] else ""),
                "" if one["alerts"] is None else str(one["alerts"]),
                str(one["anomalies"]),
            )
            for one in rows
        ],
        wide=1,
        empty="No services yet.",
    )


def _path(service: str, verb: str = "") -> str:
    return f"/api/v1/anomalies/detectors/{seg(service)}{verb}"


def _summary(totals: dict[str, Any]) -> str:
    lead = totals["lead_minutes_median"]
    ahead = f", a median of {lead} min ahead" if lead is not None else ""
    return (
        f"{plural(totals['pages'], 'page')} in {plural(totals['days'], 'day')},"
        f" {totals['false_pages']} without a cause;"
        f" before {totals['led']} of {plural(totals['incidents'], 'incident')}{ahead}."
    )


def _backtest(details: dict[str, Any]) -> str:
    replayed = details["backtest"]
    if replayed is None:
        return "No alerts have been counted yet."
    lines = [_summary(replayed["totals"])]
    for one in replayed["anomalies"]:
        leads = [
            f"{near['ref']} {abs(near['lead_minutes'])} min {'later' if near['lead_minutes'] > 0 else 'earlier'}"
            for near in one["incidents"]
        ]
        pages = [f"{plural(one['acted_pages'], 'page')} acted on"] if one["acted_pages"] else []
        lines.append(
            f"  {short(one['fired_at'])}  {one['count']} in {_length(one)}, usually {_usual(one)}:"
            f" {', '.join([*leads, *pages]) or ('without a cause' if one['is_false'] else 'running')}"
        )
    if not replayed["can_be_accepted"]:
        lines.append("There are counts of less than two weeks, so it cannot be accepted yet.")
    if details["actual"]:
        lines.append(f"Since it was accepted by {details['accepted_by']}: {_summary(details['actual'])}")
    return "\n".join(lines)


@anomaly.command(
    epilog=example("firebell anomaly backtest payments", "firebell anomaly backtest payments --rule DiskFull")
)
@click.argument("service")
@_rule
@click.option("--bins", is_flag=True, help="With --json, every bin.")
@as_json
def backtest(service: str, rule: str, bins: bool) -> None:
    """Show what a detector of SERVICE would have paged for in the last 30 days."""
    query = {"rule": rule} if rule else {}
    details = call("GET", _path(service), **query, **({"bins": "true"} if bins else {}))
    show(details, _backtest(details))


@anomaly.command(epilog=example("firebell anomaly enable payments"))
@click.argument("service")
@_rule
@as_json
def enable(service: str, rule: str) -> None:
    """Watch SERVICE; its anomalies page with low urgency until you accept the back-test."""
    details = call("POST", _path(service, "/enable"), {"rule": rule})
    show(details, f"On. State: {STATE_NAMES[details['state']].lower()}.")


@anomaly.command(epilog=example("firebell anomaly accept payments"))
@click.argument("service")
@_rule
@click.option("--until", metavar="TIME", help="The end of the back-test that you looked at; default: now.")
@as_json
def accept(service: str, rule: str, until: str | None) -> None:
    """Accept the back-test of SERVICE: from now on, its anomalies page with high urgency."""
    end = instant(until, "--until") if until else None
    details = call("POST", _path(service, "/accept"), {"rule": rule, "until": end})
    show(details, f"Accepted: {_summary(details['predicted'])}")


@anomaly.command(epilog=example("firebell anomaly disable payments"))
@click.argument("service")
@_rule
@as_json
def disable(service: str, rule: str) -> None:
    """Stop watching SERVICE; alerts of its anomalies are resolved."""
    details = call("POST", _path(service, "/disable"), {"rule": rule})
    show(details, "Off.")
