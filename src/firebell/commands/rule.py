"""`firebell rule`: rules that declare incidents."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, short, show, show_table


@click.group()
def rule() -> None:
    """List, try, create and remove rules that declare incidents."""


def _rule_options(command: Any) -> Any:
    for option in reversed(
        (
            click.option("--service", help="Slug of the service. Default: each service separately."),
            click.option("--match", "matchers", default="", help="Matchers of alerts, as in Alertmanager."),
            click.option("--pages", type=int, default=3, show_default=True, help="Number of pages."),
            click.option("--within", type=int, default=10, show_default=True, help="Minutes."),
            click.option("--severity", default="SEV2", show_default=True, help="SEV0 to SEV3."),
        )
    ):
        command = option(command)
    return command


def _body(name: str, service: str | None, matchers: str, pages: int, within: int, severity: str) -> Any:
    return {
        "name": name,
        "service": service,
        "matchers": matchers,
        "pages": pages,
        "window_minutes": within,
        "severity": severity,
    }


@rule.command("list", epilog=example("firebell rule list"))
@as_json
def list_() -> None:
    """List every rule, and how many incidents it declared."""
    rules = call("GET", "/api/v1/declaration-rules")
    lines = [
        [
            str(r["id"]),
            "on" if r["on"] else "off",
            r["severity"],
            f"{r['pages']} in {r['window_minutes']} min",
            r["service"] or "each",
            str(r["declared"]),
            f"{r['name']} {r['matchers']}".strip(),
        ]
        for r in rules
    ]
    head = ("RULE", "STATE", "SEV", "PAGES", "SERVICE", "DECLARED", "NAME")
    show_table(rules, head, lines, wide=6, empty="No declaration rules.")


@rule.command(
    "create",
    epilog=example(
        "firebell rule create 'Checkout outage' --service checkout --severity SEV1",
        "firebell rule create Critical --match 'severity=critical' --pages 5 --within 15",
    ),
)
@click.argument("name")
@_rule_options
@as_json
def create(name: str, service: str | None, matchers: str, pages: int, within: int, severity: str) -> None:
    """Create the rule NAME; it counts pages from now on."""
    body = _body(name, service, matchers, pages, within, severity)
    fields = call("POST", "/api/v1/declaration-rules", body)
    show(fields, f"Created rule {fields['id']}.")


@rule.command("try", epilog=example("firebell rule try --match 'severity=critical' --pages 5"))
@_rule_options
@as_json
def try_(service: str | None, matchers: str, pages: int, within: int, severity: str) -> None:
    """List what a rule would have declared in the last 30 days."""
    body = _body("Try", service, matchers, pages, within, severity)
    declared = call("POST", "/api/v1/declaration-rules/dry-run", body)
    lines = [[short(d["at"]), d["service"], ", ".join(d["pages"])] for d in declared]
    show_table(declared, ("AT", "SERVICE", "PAGES"), lines, wide=2, empty="No incident.")


@rule.command("remove", epilog=example("firebell rule remove 3"))
@click.argument("rule_id", metavar="RULE")
@as_json
def remove(rule_id: str) -> None:
    """Remove RULE; the incidents that it declared stay."""
    call("DELETE", f"/api/v1/declaration-rules/{seg(rule_id)}")
    show({"removed": rule_id}, f"Removed rule {rule_id}.")
