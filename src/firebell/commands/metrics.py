"""`firebell metrics`: show and export metrics, and compute them again."""

from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import USAGE, as_json, example, fail, short, show, show_table, wants_json
from firebell.kit.private_files import write_private
from firebell.metrics.presentation.wording import customer_minutes, length, percent

_FILTERS = (
    click.option("--period", help="7d, 30d, 90d, quarter, 1y or 5y up to today. Default: 90d."),
    click.option("--from", "first_day", metavar="DAY", help="First day, instead of a period."),
    click.option("--to", "last_day", metavar="DAY", help="Last day. Default: today."),
    click.option("--team", metavar="SLUG"),
    click.option("--service", metavar="SLUG"),
    click.option("--severity", type=click.Choice(["0", "1", "2", "3"])),
    click.option("--type", "kind", help="Type of incidents."),
)


def _filtered(command: Any) -> Any:
    for option in reversed(_FILTERS):
        command = option(command)
    return command


def _query(
    first_day: str | None, last_day: str | None, kind: str | None, **rest: str | None
) -> dict[str, Any]:
    return {**rest, "from": first_day, "to": last_day, "type": kind}


def _value(figures: dict[str, Any]) -> str:
    if figures["median_s"] is not None:
        return f"median {length(figures['median_s'])}"
    if figures["hits"] is not None:
        share = f", {percent(figures['share'])}" if figures["share"] is not None else ""
        return f"{figures['hits']} of {figures['n']}{share}"
    if figures["customer_minutes"] is not None:
        return " ".join(customer_minutes(figures["customer_minutes"]))
    if figures["total_s"] is not None:
        return length(figures["total_s"])
    if figures["count"] is not None:
        return str(figures["count"])
    return "too few" if figures["n"] else "-"


def _before(figures: dict[str, Any]) -> str:
    if figures["before_median_s"] is not None:
        return length(figures["before_median_s"])
    if figures["before_share"] is not None:
        return percent(figures["before_share"])
    if figures["before_customer_minutes"] is not None:
        return " ".join(customer_minutes(figures["before_customer_minutes"]))
    if figures["before_total_s"] is not None:
        return length(figures["before_total_s"])
    return "-" if figures["before_count"] is None else str(figures["before_count"])


def _target(figures: dict[str, Any]) -> str:
    words = {"none": "", "too_few": "too few", "met": "met", "missed": "missed"}
    return words[figures["result"]]


@click.group()
def metrics() -> None:
    """Show metrics of incidents and pages, without private incidents."""


@metrics.command(
    "show",
    epilog=example("firebell metrics show", "firebell metrics show resolve --period 1y --severity 1"),
)
@click.argument("metric", required=False)
@_filtered
@as_json
def show_(metric: str | None, **filters: Any) -> None:
    """Show all metrics of a period, or one with what it is computed from."""
    query = _query(**filters)
    if metric is None:
        listed = call("GET", "/api/v1/metrics", **query)
        rows = [
            [one["metric"], one["title"], _value(one), str(one["n"]), _before(one), _target(one)]
            for one in listed
        ]
        head = ["METRIC", "NAME", "NOW", "CASES", "BEFORE", "TARGET"]
        show_table(listed, head, rows, wide=1, empty="No metrics.")
        return
    one = call("GET", f"/api/v1/metrics/{seg(metric)}", **query)
    show(one, "\n".join(_lines(one)))


@metrics.command(
    epilog=example(
        "firebell metrics explore resolve --by service --period 1y",
        "firebell metrics explore noise --by rule",
    )
)
@click.argument("metric")
@click.option("--by", required=True, help="severity, service, team, type, factor, rule, weekday or month.")
@_filtered
@as_json
def explore(metric: str, by: str, **filters: Any) -> None:
    """Split METRIC by a dimension."""
    listed = call("GET", "/api/v1/metrics-explore", metric=metric, by=by, **_query(**filters))
    rows = [[one["label"], _value(one), str(one["n"]), _target(one)] for one in listed]
    show_table(listed, [by.upper(), "VALUE", "CASES", "TARGET"], rows, wide=0, empty="No cases.")


def _lines(one: dict[str, Any]) -> list[str]:
    lines = [
        f"{one['title']}: {_value(one)}, {one['n']} cases, {one['first_day']} to {one['last_day']}",
        one["sentence"],
    ]
    if one["median_low_s"] is not None:
        high = "or more" if one["median_high_s"] is None else f"to {length(one['median_high_s'])}"
        lines.append(f"The true median may be {length(one['median_low_s'])} {high} (95%).")
    if one["share_low"] is not None:
        what = f"Within {length(one['target_s'])}" if one["target_s"] else "The share"
        share, low, high = (percent(one[name]) for name in ("share", "share_low", "share_high"))
        lines.append(f"{what}: {share}, between {low} and {high}.")
    change = {"none": "No detectable change", "too_few": "Too few to say", "change": "A real change"}
    if one["change"]:
        lines.append(f"{change[one['change']]} since the period before ({_before(one)}).")
    excluded = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in sorted(one["excluded"].items()))
    lines += [f"Starts: {one['starts']}.", f"Ends: {one['ends']}.", f"Counts: {one['population']}."]
    lines += [f"Left out: {excluded or 'none'}.", f"Estimator: {one['estimator']}"]
    return lines


@metrics.command(
    epilog=example(
        "firebell metrics export --period quarter --output quarter.csv",
        "firebell metrics export resolve --severity 1",
    )
)
@click.argument("metric", required=False)
@_filtered
@click.option("--bom", is_flag=True, help="Start with a byte order mark, for Excel.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
def export(metric: str | None, bom: bool, output: Path | None, **filters: Any) -> None:
    """Print all metrics as CSV, or the incidents or pages behind one."""
    path = f"/api/v1/metrics/{seg(metric)}/cases.csv" if metric else "/api/v1/metrics.csv"
    text = call("GET", path, **_query(**filters), bom="true" if bom else None)
    if output is None:
        click.echo(text, nl=False)
        return
    _write(output, text)


@metrics.command(
    epilog=example(
        "firebell metrics review --quarter 2026-Q3 --team payments",
        "firebell metrics review --output review.md",
    )
)
@click.option("--quarter", metavar="QUARTER", help="Such as 2026-Q3. Default: the last one that is over.")
@click.option("--team", metavar="SLUG", help="The review of one team.")
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write Markdown to this file."
)
@as_json
def review(quarter: str | None, team: str | None, output: Path | None) -> None:
    """Print the quarterly review as Markdown: trends, what to decide, and what would move each metric."""
    document = call("GET", "/api/v1/metrics-review", quarter=quarter, team=team)
    if output is None:
        show(document, document["markdown"].rstrip("\n"))
        return
    _write(output, document["markdown"])


def _write(output: Path, text: str) -> None:
    try:
        write_private(output, text, newline="")
    except OSError as error:
        fail(f"{output} can’t be written: {error.strerror}.", "Check the folder and its permissions.", USAGE)
    click.echo(f"Written to {output}.", err=True)


@metrics.command(epilog=example("firebell metrics rebuild"))
@as_json
def rebuild() -> None:
    """Compute all facts of metrics again, in the background."""
    progress = call("POST", "/api/v1/metrics-rebuild")
    show(progress, "Computing all facts again in the background. See: firebell metrics progress")


@metrics.command(epilog=example("firebell metrics progress"))
@as_json
def progress() -> None:
    """Show how current the metrics are."""
    state = call("GET", "/api/v1/metrics-progress")
    if wants_json():
        show(state, "")
        return
    refreshed = short(state["refreshed_at"]) if state["refreshed_at"] else "being computed"
    click.echo(f"Up to date as of: {refreshed}")
    if state["drifted_at"]:
        click.echo(f"Fixed by a comparison: {state['drifted']} numbers, {short(state['drifted_at'])}")
