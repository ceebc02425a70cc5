"""The commands of `firebell incident` for reports, closing, merging, links, types and past incidents."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, instant, local, show, show_table

_TYPE = click.Choice(["operational", "security", "data_protection", "vendor", "performance"])
_CATEGORIES = [
    *("change", "capacity", "dependency", "defect", "infrastructure"),
    *("data", "security", "process", "unknown"),
]
_MARKS = {"met": "met", "needs_person": "needs a person", "waiting": "waiting", "open": "not met"}


def _address(ref: str, suffix: str) -> str:
    return f"/api/v1/incidents/{seg(ref)}{suffix}"


def _line(fields: dict[str, Any]) -> str:
    return f"{fields['ref']} {fields['severity']} is {fields['phase']}: {fields['title']}"


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
    cause: str | None,
    category: str | None,
) -> None:
    """Show the final facts of incident REF, or record those given."""
    times = {
        "impact_start": instant(impact_start, "--impact-start") if impact_start else None,
        "detected_at": instant(detected, "--detected") if detected else None,
        "impact_end": instant(impact_end, "--impact-end") if impact_end else None,
    }
    body = {**times, "affected": affected, "cause": cause, "cause_category": category}
    given = {name: value for name, value in body.items() if value is not None}
    address = _address(ref, "/final-facts")
    fields = call("PATCH", address, given) if given else call("GET", address)
    at = {name: local(fields[name]) if fields[name] else "-" for name in times}
    rows = [
        ["impact began", at["impact_start"]],
        ["detected", at["detected_at"]],
        ["impact ended", at["impact_end"]],
        ["affected", fields["affected"] or "-"],
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


@click.command(
    epilog=example(
        "firebell incident report 'Invoices show an old rate' --service payments",
        "firebell incident report 'Odd sign-ins' --type security",
    )
)
@click.argument("title")
@click.option("--service", "services", multiple=True, help="Slug of a service; repeatable.")
@click.option("--page", help="The page that led to it.")
@click.option(
    "--type", "type_", type=_TYPE, default="operational", show_default=True, help="What it is about."
)
@click.option("--private", is_flag=True, help="Only those involved and managers see it.")
@as_json
def report(title: str, services: tuple[str, ...], page: str | None, type_: str, private: bool) -> None:
    """Report what may be an incident; it pages no one."""
    body = {"title": title, "services": list(services), "page": page, "type": type_, "private": private}
    fields = call("POST", "/api/v1/incident-reports", body)
    show(fields, _line(fields))


@click.command("declare", epilog=example("firebell incident declare INC-3 SEV1"))
@click.argument("ref")
@click.argument("severity")
@as_json
def declare_reported(ref: str, severity: str) -> None:
    """Declare the reported incident REF; SEV0 and SEV1 page."""
    fields = call("POST", _address(ref, "/declare"), {"severity": severity})
    show(fields, _line(fields))


@click.command(epilog=example("firebell incident merge INC-4 INC-3 --reason 'Same cause'"))
@click.argument("ref")
@click.argument("into")
@click.option("--reason", default="", help="Reason for the timeline.")
@as_json
def merge(ref: str, into: str, reason: str) -> None:
    """Merge incident REF into INTO, which gets its services, pages and roles."""
    fields = call("POST", _address(ref, "/merge"), {"into": into, "reason": reason})
    show(fields, _line(fields))


@click.command(
    epilog=example(
        "firebell incident relate INC-3 INC-4",
        "firebell incident relate INC-3 INC-5 --child",
        "firebell incident relate INC-3 INC-4 --remove",
    )
)
@click.argument("ref")
@click.argument("other")
@click.option("--child", is_flag=True, help="Make OTHER a child of REF.")
@click.option("--remove", is_flag=True, help="Remove the link.")
@as_json
def relate(ref: str, other: str, child: bool, remove: bool) -> None:
    """Link incident REF to OTHER."""
    if remove:
        call("DELETE", _address(ref, f"/relations/{seg(other)}"))
        show({"removed": other}, "Link removed.")
        return
    body = {"incident": other, "kind": "child" if child else "linked"}
    relations = call("POST", _address(ref, "/relations"), body)
    rows = [[r["incident"], r["kind"].replace("_", " "), r["title"]] for r in relations]
    show_table(relations, ("INCIDENT", "RELATION", "TITLE"), rows, wide=2, empty="No linked incidents.")


@click.command("type", epilog=example("firebell incident type INC-3 data_protection --private"))
@click.argument("ref")
@click.argument("type_", metavar="TYPE", type=_TYPE)
@click.option("--private/--open", "private", default=None, help="Who sees it; security is always private.")
@click.option("--reason", default="", help="Required to show a private incident to everyone.")
@as_json
def type_(ref: str, type_: str, private: bool | None, reason: str) -> None:
    """Set what incident REF is about and who sees it."""
    if private is None:
        private = type_ == "security" or call("GET", _address(ref, ""))["visibility"] == "private"
    fields = call("PUT", _address(ref, "/type"), {"type": type_, "private": private, "reason": reason})
    who = "those involved and managers" if fields["visibility"] == "private" else "everyone"
    show(fields, f"{fields['ref']} is {fields['type'].replace('_', ' ')}, visible to {who}.")


@click.command(
    epilog=example(
        "firebell incident past 'Old outage' SEV1 --detected 2026-10-01T08:00Z --resolved 2026-10-01T09:10Z"
    )
)
@click.argument("title")
@click.argument("severity")
@click.option("--detected", required=True, help="When it was detected.")
@click.option("--declared", help="When the response began; default when it was detected.")
@click.option("--resolved", required=True, help="When the impact ended.")
@click.option("--closed", help="When it was closed; default when the impact ended.")
@click.option("--impact-start", help="When the impact began; default when it was detected.")
@click.option("--service", "services", multiple=True, help="Slug of a service; repeatable.")
@as_json
def past(
    title: str,
    severity: str,
    detected: str,
    declared: str | None,
    resolved: str,
    closed: str | None,
    impact_start: str | None,
    services: tuple[str, ...],
) -> None:
    """Record an incident of the past; it pages and reminds no one."""
    body = {
        "title": title,
        "severity": severity,
        "detected_at": detected,
        "declared_at": declared or detected,
        "resolved_at": resolved,
        "closed_at": closed or resolved,
        "impact_start": impact_start,
        "services": list(services),
    }
    fields = call("POST", "/api/v1/past-incidents", body)
    show(fields, _line(fields))


COMMANDS = (
    final_facts,
    closing,
    baseline,
    customer_report,
    report,
    declare_reported,
    merge,
    relate,
    type_,
    past,
)
