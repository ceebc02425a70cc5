"""The commands of `firebell incident` for reports, their declaration, types and incidents of the past."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, show

_TYPE = click.Choice(["operational", "security", "data_protection", "vendor", "performance"])


def _address(ref: str, suffix: str) -> str:
    return f"/api/v1/incidents/{seg(ref)}{suffix}"


def _line(fields: dict[str, Any]) -> str:
    return f"{fields['ref']} {fields['severity']} is {fields['phase']}: {fields['title']}"


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
@click.option("--declared", help="When the response began. Default: when it was detected.")
@click.option("--resolved", required=True, help="When the impact ended.")
@click.option("--closed", help="When it was closed. Default: when the impact ended.")
@click.option("--impact-start", help="When the impact began. Default: when it was detected.")
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
    """Record a past incident; it pages and reminds no one."""
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


COMMANDS = (report, declare_reported, type_, past)
