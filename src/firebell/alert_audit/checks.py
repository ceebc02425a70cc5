"""The checks of alert design, and of the audit itself (pure; spec 3.3, 4.4 and 11.12)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from firebell.alert_audit.model import Audit, AuditRule, JudgedRule
from firebell.alert_audit.verdicts import LEAST_CASES, NOISE_ABOVE
from firebell.kit.findings import Finding, FindingLevel

OVERDUE_AFTER = timedelta(days=14)
IGNORED_FROM = 5
"""Number of the last ten pages without any action from which on a rule has the finding."""


def rule_findings(judged: JudgedRule) -> list[Finding]:
    """Return what is wrong with the design of a rule."""
    rule, n = judged.counted.rule, judged.counted.numbers
    checks = (
        (
            "A-NOOWNER",
            FindingLevel.WARNING,
            not n.has_owner,
            "It pages for a service whose team has no active member.",
            "Give the service to a team with active members.",
        ),
        (
            "F-NOACTION",
            FindingLevel.WARNING,
            n.recent_ignored >= IGNORED_FROM,
            f"No one acted on {n.recent_ignored} of its last {n.recent} pages.",
            "Delete it, send it with a low severity, or say what to do in a runbook.",
        ),
        (
            "A-NOISY",
            FindingLevel.WARNING,
            n.pages >= LEAST_CASES and n.noise_share > NOISE_ABOVE,
            f"{n.noise} of its {n.pages} pages needed no action.",
            "Raise its threshold, or let it fire later.",
        ),
        (
            "A-NORUNBOOK",
            FindingLevel.WARNING,
            not n.has_runbook,
            "It has no runbook.",
            "Link a runbook from the rule or the service, or write one whose trigger matches.",
        ),
        (
            "A-NOGRAPH",
            FindingLevel.INFO,
            not n.has_graph,
            "Its alerts link to no dashboard.",
            "Add the address of a dashboard to the rule.",
        ),
    )
    return [
        Finding(f"{code}:{rule}", code, level, message, subject=rule, advice=advice)
        for code, level, applies, message, advice in checks
        if applies
    ]


def overdue(audit: Audit, now: datetime) -> Finding | None:
    """Return the finding of an audit that is not signed two weeks after it was due."""
    if audit.signed_at is not None or now < audit.due_at + OVERDUE_AFTER:
        return None
    late = (now - audit.due_at).days
    return Finding(
        f"F-AUDIT:{audit.quarter}:{audit.team_slug}",
        "F-AUDIT",
        FindingLevel.WARNING,
        f"The alert audit of {audit.team} is {late} days overdue.",
        subject=audit.subject,
        advice="Decide on each rule, and sign the audit.",
    )


def open_rules(rules: Iterable[AuditRule]) -> list[AuditRule]:
    """Return the rules that still need a decision."""
    return [rule for rule in rules if rule.is_open]
