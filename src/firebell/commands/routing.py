"""`firebell routing`: the rules that decide which service an alert belongs to, and when it pages."""

import json
from pathlib import Path
from typing import Any

import click

from firebell.alerts.routing_rules.changes import OWNER_LABELS
from firebell.alerts.routing_rules.rules import Owner
from firebell.commands.client import call, call_first
from firebell.commands.output import USAGE, as_json, example, fail, local, pairs, short, show, show_table
from firebell.kit.durations import exact
from firebell.routing.model import EffectKind


@click.group()
def routing() -> None:
    """Show, test, preview and change routing rules."""


def _pages(rule: Any) -> str:
    if not rule["pages"]:
        return "no one"
    if rule["threshold"] > 1:
        return f"after {rule['threshold']} events in {exact(rule['window_s'])}"
    return f"after {exact(rule['wait_s'])}" if rule["wait_s"] else "at once"


@routing.command("show", epilog=example("firebell routing show", "firebell routing show --json > rules.json"))
@as_json
def show_() -> None:
    """Show the rules in force, in the order in which they are read."""
    fields = call("GET", "/api/v1/routing")
    rows = [
        [
            str(number),
            rule["service"] or OWNER_LABELS[Owner(rule["owner"])],
            rule["urgency"],
            _pages(rule),
            f"{rule['name']} {rule['matchers']}",
        ]
        for number, rule in enumerate(fields["rules"], 1)
    ]
    head = ("RULE", "SERVICE", "URGENCY", "PAGES", "NAME")
    show_table(fields, head, rows, wide=4, empty="No routing rules: every alert goes to the fallback rule.")


@routing.command(
    epilog=example(
        "firebell routing test --service checkout --label team=payments --severity critical",
        "firebell routing test --alert 7",
    )
)
@click.option("--alert", "alert_id", type=click.IntRange(1), help="Test the labels of this alert.")
@click.option("--service", help="Slug of the service whose key receives the alert.")
@click.option("--label", multiple=True, help="NAME=VALUE; repeatable.")
@click.option("--title", default="", help="Title of the alert.")
@click.option("--severity", type=click.Choice(["critical", "error", "warning", "info"]))
@as_json
def test(
    alert_id: int | None, service: str | None, label: tuple[str, ...], title: str, severity: str | None
) -> None:
    """Test which rule decides, and who would be paged. Pages no one."""
    labels = pairs(label, "NAME=VALUE", "--label region=eu")
    if alert_id is not None:
        result = call("GET", f"/api/v1/alerts/{alert_id}/routing-test")
    elif service:
        body = {"service": service, "labels": labels, "title": title, "severity": severity}
        result = call("POST", "/api/v1/routing/test", body)
    else:
        fail(
            "There is nothing to test.", "Pass --service SLUG with --label NAME=VALUE, or --alert ID.", USAGE
        )
    lines = [
        f"rule {v['number']}  {v['name']}: {'matches' if v['matches'] else v['reason']}"
        for v in result["verdicts"]
    ]
    if result["rule"] is None:
        lines.append("No rule matches, so it goes to the fallback rule.")
    if result["is_fallback"]:
        lines.append("The service that the rule names doesn’t exist, so it goes to the fallback rule.")
    people = ", ".join(result["people"]) or "no one"
    hold = f", {result['hold']}" if result["hold"] not in ("", "no one") else ""
    lines.append(f"service {result['service']}, {result['urgency']} urgency{hold}: pages {people}")
    show(result, "\n".join(lines))


def _document(file: str) -> Any:
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fail(f"{file} can’t be read: {error}", "Start from `firebell routing show --json`.", USAGE)
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list):
        fail(f"{file} has no rules.", "Start from `firebell routing show --json`.", USAGE)
    return document


@routing.command(epilog=example("firebell routing preview rules.json"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@as_json
def preview(file: str) -> None:
    """Show what the rules in FILE would have changed in the last 30 days."""
    result = call("POST", "/api/v1/routing/preview", {"rules": _document(file)["rules"]})
    lines = [
        f"{result['alerts']} alerts since {local(result['since'])}: {result['pages_after']} pages instead of"
        f" {result['pages_before']}"
    ]
    lines += [f"{count} {EffectKind(kind).text}" for kind, count in result["counts"].items() if count]
    if result["incidents"]:
        lines.append(f"incidents that resulted: {', '.join(result['incidents'])}")
    lines += [
        f"  {short(e['starts_at'])}  {e['title']}: {EffectKind(e['kind']).text}"
        + "".join(f"  {ref}" for ref in e["incidents"])
        for e in result["examples"]
    ]
    show(result, "\n".join(lines))


@routing.command(epilog=example("firebell routing apply rules.json --note 'Ledger moved'"))
@click.argument("file", type=click.Path(exists=True, dir_okay=False))
@click.option("--note", default="", help="Why, for the list of versions.")
@as_json
def apply(file: str, note: str) -> None:
    """Replace the rules in force by those in FILE.

    FILE is what `firebell routing show --json` prints; its version must still be in force.
    """
    document = _document(file)
    body = {"rules": document["rules"], "based_on": document.get("version", 0), "note": note}
    saved = call("PUT", "/api/v1/routing", body)
    show(saved, f"Version {saved['version']} is in force, with {len(saved['rules'])} rules.")


@routing.command(epilog=example("firebell routing versions"))
@click.option("--limit", type=click.IntRange(1, 1_000), default=20, show_default=True)
@as_json
def versions(limit: int) -> None:
    """List the versions of the rules, newest first, with what each changed."""
    listed = call_first("/api/v1/routing/versions", limit)
    rows = [
        [
            str(v["version"]),
            short(v["saved_at"]),
            v["saved_by"],
            "; ".join(change["text"] for change in v["changes"]) or "-",
        ]
        for v in listed
    ]
    show_table(listed, ("VERSION", "SAVED", "BY", "CHANGES"), rows, wide=3, empty="No versions.")
