"""The commands of `firebell incident` for final facts, reports of customers, the baseline and closing."""

import click

from firebell.commands.client import call, seg
from firebell.commands.output import USAGE, as_json, example, fail, instant, local, show, show_table


def _address(ref: str, suffix: str) -> str:
    return f"/api/v1/incidents/{seg(ref)}{suffix}"


_CATEGORIES = [
    *("change", "capacity", "dependency", "defect", "infrastructure"),
    *("data", "security", "process", "unknown"),
]


_MARKS = {"met": "met", "needs_person": "needs a person", "waiting": "waiting", "open": "not met"}


@click.command(
    "facts",
    epilog=example(
        "firebell incident facts INC-3",
        "firebell incident facts INC-3 --cause 'Pool size in build 4812' --category change",
    ),
)
@click.argument("ref")
@click.option("--impact-start", help="When the impact began, such as 2026-11-24T02:29.")
@click.option("--detected", help="When it was detected.")
@click.option("--impact-end", help="When the impact ended.")
@click.option("--affected", help="Affected customers.")
@click.option("--customers", type=click.IntRange(min=0), help="How many customers it affected.")
@click.option("--no-customers", is_flag=True, help="Remove the number of customers.")
@click.option("--cause", help="The cause.")
@click.option(
    "--category",
    type=click.Choice(_CATEGORIES),
    metavar="CATEGORY",
    help=f"The cause category: {', '.join(_CATEGORIES)}.",
)
@as_json
def final_facts(
    ref: str,
    impact_start: str | None,
    detected: str | None,
    impact_end: str | None,
    affected: str | None,
    customers: int | None,
    no_customers: bool,
    cause: str | None,
    category: str | None,
) -> None:
    """Show the final facts of incident REF, or record those given."""
    times = {
        "impact_start": instant(impact_start, "--impact-start") if impact_start else None,
        "detected_at": instant(detected, "--detected") if detected else None,
        "impact_end": instant(impact_end, "--impact-end") if impact_end else None,
    }
    body = {**times, "affected": affected, "customers": customers, "cause": cause, "cause_category": category}
    given: dict[str, str | int | None] = {name: value for name, value in body.items() if value is not None}
    if no_customers:
        if customers is not None:
            fail("--no-customers can't be combined with --customers.", "Leave one of them out.", USAGE)
        given["customers"] = None
    address = _address(ref, "/final-facts")
    fields = call("PATCH", address, given) if given else call("GET", address)
    at = {name: local(fields[name]) if fields[name] else "-" for name in times}
    rows = [
        ["impact began", at["impact_start"]],
        ["detected", at["detected_at"]],
        ["impact ended", at["impact_end"]],
        ["affected", fields["affected"] or "-"],
        ["customers", "-" if fields["customers"] is None else f"{fields['customers']:,}"],
        ["cause", fields["cause"] or "-"],
        ["category", fields["cause_category"] or "-"],
    ]
    show_table(fields, ("FACT", "VALUE"), rows, wide=1, empty="")


@click.command(epilog=example("firebell incident closing INC-3"))
@click.argument("ref")
@click.option("--notify/--no-notify", default=None, help="Notify me when it can be closed.")
@as_json
def closing(ref: str, notify: bool | None) -> None:
    """Show what incident REF needs before it can be closed."""
    method = "GET" if notify is None else "PUT" if notify else "DELETE"
    fields = call(method, _address(ref, "/closing" if notify is None else "/closing/watch"))
    rows = [
        [_MARKS[c["state"]], c["title"], c["evidence"] if c["state"] == "met" else c["remedy"]]
        for c in fields["conditions"]
    ]
    show_table(fields, ("STATE", "CONDITION", "DETAIL"), rows, wide=2, empty="No conditions.")


@click.command(epilog=example("firebell incident baseline INC-3 '5xx ratio at 0.4%'"))
@click.argument("ref")
@click.argument("note", default="")
@as_json
def baseline(ref: str, note: str) -> None:
    """Confirm that the metrics of incident REF are at baseline."""
    fields = call("POST", _address(ref, "/baseline"), {"note": note})
    show(fields, f"Baseline of {fields['incident']} confirmed.")


@click.command(
    "customer-report",
    epilog=example(
        "firebell incident customer-report INC-3 'Nordpost: cards still fail'",
        "firebell incident customer-report INC-3 --answered 2",
    ),
)
@click.argument("ref")
@click.argument("text", default="")
@click.option("--answered", metavar="REPORT", help="Mark this report answered instead.")
@as_json
def customer_report(ref: str, text: str, answered: str | None) -> None:
    """Record what a customer reported about incident REF."""
    if answered:
        fields = call("POST", _address(ref, f"/reports/{seg(answered)}/answer"))
        show(fields, f"Report {fields['id']} answered.")
        return
    fields = call("POST", _address(ref, "/reports"), {"text": text})
    show(fields, f"Report {fields['id']} recorded.")


COMMANDS = (final_facts, closing, baseline, customer_report)
