"""`firebell alert-audit`: the quarterly audit of a team's alert rules."""

from typing import Any

import click

from firebell.alert_audit.model import DECISION_NAMES, VERDICT_NAMES
from firebell.commands.client import call, call_all, seg
from firebell.commands.output import USAGE, as_json, example, fail, short, show, show_table
from firebell.kit.text import plural


def _verdict(rule: dict[str, Any]) -> str:
    return f"Merge with {rule['merge_into']}" if rule["merge_into"] else VERDICT_NAMES[rule["verdict"]]


def _state(audit: dict[str, Any]) -> str:
    if audit["signed_by"]:
        return f"signed by {audit['signed_by']}"
    return f"{audit['decided']} of {audit['to_decide']} decided, due {short(audit['due_at'])}"


@click.group()
def alert_audit() -> None:
    """Show which alert rules cost the most, and decide what to do about each."""


@alert_audit.command("list", epilog=example("firebell alert-audit list"))
@as_json
def list_() -> None:
    """List the audits of all teams, newest first."""
    rows = call_all("/api/v1/alert-audits")
    show_table(
        rows,
        ("QUARTER", "TEAM", "PAGES", "NIGHTS", "STATE"),
        [(a["quarter"], a["team_slug"], str(a["pages"]), str(a["nights"]), _state(a)) for a in rows],
        wide=1,
        empty="No alert audits yet.",
    )


def _path(quarter: str, team: str) -> str:
    return f"/api/v1/alert-audits/{seg(quarter)}/{seg(team)}"


def _rule(audit: dict[str, Any], rule_id: int, parameter: str) -> dict[str, Any]:
    for rule in audit["rules"]:
        if rule["id"] == rule_id:
            return dict(rule)
    raise click.BadParameter(f"The audit has no rule {rule_id}.", param_hint=parameter)


@alert_audit.command(
    "show",
    epilog=example(
        "firebell alert-audit show 2026-Q4 platform",
        "firebell alert-audit show 2026-Q4 platform --rule 12 --patch | git apply",
    ),
)
@click.argument("quarter")
@click.argument("team")
@click.option("--rule", "rule_id", type=int, help="Only this rule, with its proposed change.")
@click.option("--patch", is_flag=True, help="Print only the diff of its rule file, for git apply.")
@as_json
def show_(quarter: str, team: str, rule_id: int | None, patch: bool) -> None:
    """Show the rules of an audit, those that cost the most first."""
    if patch and rule_id is None:
        fail("--patch needs --rule.", code=USAGE)
    audit = call("GET", _path(quarter, team))
    if rule_id is None:
        show_table(
            audit,
            ("ID", "RULE", "PAGES", "NIGHTS", "VERDICT", "DECISION"),
            [
                (
                    *(str(rule["id"]), rule["rule"]),
                    *(str(rule["numbers"]["pages"]), str(rule["numbers"]["nights"])),
                    _verdict(rule),
                    DECISION_NAMES[rule["decision"]] if rule["decision"] else "-",
                )
                for rule in audit["rules"]
            ],
            wide=1,
            empty="No alert paged in the 90 days before the audit.",
        )
        return
    rule = _rule(audit, rule_id, "--rule")
    proposal = rule["proposal"]
    if patch:
        if not proposal["patch"]:
            reason = proposal["withheld"] or proposal["problem"]
            fail(reason or "No runbook source has the rule file of this rule.")
        click.echo(proposal["patch"], nl=False)
        return
    lines = [f"{rule['rule']}: {_verdict(rule)}", proposal["withheld"], proposal["words"], proposal["diff"]]
    if proposal["patch"]:
        lines.append(f"{proposal['file']}, line {proposal['line']}, of the source {proposal['source']}")
    lines.append(proposal["problem"])
    if runbook := rule["runbook"]:
        errors = f", {plural(runbook['errors'], 'error')}" if runbook["errors"] else ""
        lines.append(f"Runbook: {runbook['title'] or runbook['slug']}{errors}")
    if before := rule["earlier"]:
        decided = f"{DECISION_NAMES[before['decision']]} by {before['by']} in {before['quarter']}"
        lines.append(f"{decided}, with {plural(before['pages'], 'page')} then.")
    if change := rule["routing"]:
        lines += [f"Routing rule {change['place']}, based on version {change['based_on']}:", change["diff"]]
    lines += [f"{finding['code']}: {finding['message']}" for finding in rule["findings"]]
    if proposal["silences_pages"] and not proposal["withheld"]:
        lines.append(f"Replayed over 90 days: {plural(proposal['silences_pages'], 'page')} fewer.")
    show(rule, "\n".join(line for line in lines if line))


@alert_audit.command(
    epilog=example(
        "firebell alert-audit decide 2026-Q4 platform 12 changed",
        "firebell alert-audit decide 2026-Q4 platform 13 kept --reason 'It guards the ledger'",
        "firebell alert-audit decide 2026-Q4 platform 14 deferred --on 2027-01-15",
    )
)
@click.argument("quarter")
@click.argument("team")
@click.argument("rule_id", type=int)
@click.argument("decision", type=click.Choice(["changed", "kept", "deferred"]))
@click.option("--reason", default="", help="Needed to keep a rule.")
@click.option("--on", "decide_on", metavar="DAY", help="Needed to defer; within three months.")
@as_json
def decide(quarter: str, team: str, rule_id: int, decision: str, reason: str, decide_on: str | None) -> None:
    """Store what the team decides about the rule RULE_ID."""
    body = {"decision": decision, "reason": reason, "decide_on": decide_on}
    audit = call("PUT", f"{_path(quarter, team)}/rules/{rule_id}/decision", body)
    left = audit["to_decide"] - audit["decided"]
    show(audit, f"Stored. {left} of {audit['to_decide']} left to decide.")


@alert_audit.command(
    "apply",
    epilog=example(
        "firebell alert-audit apply 2026-Q4 platform 12",
        "firebell alert-audit apply 2026-Q4 platform 12 --based-on 7",
    ),
)
@click.argument("quarter")
@click.argument("team")
@click.argument("rule_id", type=int)
@click.option(
    "--based-on",
    type=click.IntRange(0),
    metavar="VERSION",
    help="The routing version that show --rule was based on. Default: show the change and ask.",
)
@as_json
def apply_(quarter: str, team: str, rule_id: int, based_on: int | None) -> None:
    """Apply the routing change that is proposed for the rule RULE_ID."""
    audit = call("GET", _path(quarter, team))
    rule = _rule(audit, rule_id, "RULE_ID")
    if rule["routing"] is None:
        raise click.ClickException("There is no routing change to apply for this rule.")
    if based_on is None:
        based_on = rule["routing"]["based_on"]
        click.echo(f"Routing rule {rule['routing']['place']}:\n{rule['routing']['diff']}", err=True)
        click.confirm("Apply it?", abort=True, err=True)
    body = {"based_on": based_on}
    audit = call("POST", f"{_path(quarter, team)}/rules/{rule_id}/routing", body)
    show(audit, f"Rule {rule['routing']['place']} of the routing rules: {rule['routing']['name']}")


@alert_audit.command(epilog=example("firebell alert-audit sign 2026-Q4 platform"))
@click.argument("quarter")
@click.argument("team")
@as_json
def sign(quarter: str, team: str) -> None:
    """Sign the audit, once every rule has a decision."""
    audit = call("POST", f"{_path(quarter, team)}/signature")
    show(audit, f"{audit['signed_by']} signed the audit of {audit['team']}.")
