"""The words of audits: titles, facts and effects (pure)."""

from datetime import datetime, timedelta

from firebell.alert_audit.model import (
    DECISION_NAMES,
    VERDICT_NAMES,
    AuditRule,
    AuditVerdict,
    JudgedRule,
    RuleDecision,
)
from firebell.alert_audit.queries import AuditContents
from firebell.kit.durations import duration
from firebell.kit.text import plural, times
from firebell.runbooks.automation import EXERCISED_WITHIN
from firebell.runbooks.model import IndexEntry

_ORDINALS = ("First", "Second", "Third", "Fourth")


def verdict(judged: JudgedRule) -> str:
    """Return the name of a verdict, with the rule into which one is merged."""
    return f"Merge with {judged.merge_into}" if judged.merge_into else VERDICT_NAMES[judged.verdict]


def quarter(name: str) -> str:
    """Return the name of a quarter such as 2026-Q4 in words."""
    year, _, number = name.partition("-Q")
    return f"{_ORDINALS[int(number) - 1]} quarter of {year}"


def title(shown: AuditContents) -> str:
    """Return the finding of the screen."""
    audit = shown.audit
    if audit.signed_at is not None:
        return f"{audit.team} signed its audit"
    if count := len(shown.undecided):
        return f"{plural(count, 'rule')} {'needs' if count == 1 else 'need'} a decision"
    return "Every rule has a decision" if audit.to_decide else "No rule needs a decision"


def lede(shown: AuditContents) -> str:
    """Return which quarter it is, and what the rules with a verdict cost of all pages."""
    audit = shown.audit
    first = f"{quarter(audit.quarter)}."
    costly = [r.judged.counted.numbers for r in shown.rules if r.needs_decision]
    if not audit.pages:
        return f"{first} No alert of {audit.team} paged anyone in the 90 days before the audit."
    if not costly:
        return (
            f"{first} {plural(audit.pages, 'page')} in the 90 days before the audit, {audit.nights} at night."
        )
    pages, nights = sum(n.pages for n in costly), sum(n.nights for n in costly)
    caused = f"{pages} of {plural(audit.pages, 'page')} and {nights} of {audit.nights} at night"
    whose = "The rule with a verdict" if len(costly) == 1 else f"The {len(costly)} rules with a verdict"
    return f"{first} {whose} caused {caused} in the 90 days before the audit."


def runbook(entry: IndexEntry, now: datetime) -> str:
    """Return what is wrong with the runbook of a rule, empty if nothing is."""
    problems = []
    if entry.errors:
        problems.append(f"its text has {plural(entry.errors, 'error')}")
    if entry.last_exercised is None:
        problems.append("no one has worked through it")
    elif now - entry.last_exercised > EXERCISED_WITHIN:
        problems.append(f"no one has worked through it since {entry.last_exercised:%d %b %Y}")
    return " and ".join(problems)


def earlier(shown: AuditContents, rule: AuditRule) -> str:
    """Return what the team decided last about a rule, and how its pages changed since; empty for a new rule."""
    before = shown.earlier.get(rule.judged.counted.rule)
    if before is None:
        return ""
    decided = f"{DECISION_NAMES[before.decision]} by {before.by} in {before.quarter}"
    pages = rule.judged.counted.numbers.pages
    if before.decision is not RuleDecision.CHANGED:
        return f"{decided}, with {plural(before.pages, 'page')} then."
    if pages < before.pages:
        return f"{decided}: {plural(before.pages, 'page')} before, {pages} now."
    return f"{decided}, which did not help: {plural(before.pages, 'page')} before, {pages} now."


def earlier_quarter(shown: AuditContents, rule: AuditRule) -> str:
    """Return what the team decided last about a rule, short; empty for a new rule."""
    before = shown.earlier.get(rule.judged.counted.rule)
    return f"{DECISION_NAMES[before.decision]} in {before.quarter}" if before else ""


def also(rule: AuditRule) -> str:
    """Return what else is true of a rule, short."""
    n = rule.judged.counted.numbers
    parts = []
    applies = (rule.judged.verdict, *rule.judged.also)
    for one in applies:
        match one:
            case AuditVerdict.MERGE:
                parts.append(f"Fires with {n.overlaps_with} {n.overlap:.0%} of the time")
            case AuditVerdict.DEMOTE:
                parts.append(f"{n.noise_share:.0%} noise")
            case AuditVerdict.TUNE:
                flaps = ["Flaps"] if n.flapping_hours else []
                quick = [f"{n.quick_ends / n.pages:.0%} end within 5 min"] if n.quick_ends else []
                parts.append(", ".join([*flaps, *quick]))
            case AuditVerdict.ADD_RUNBOOK:
                parts.append("No runbook")
            case _:
                pass
    return " · ".join(parts)


def facts(judged: JudgedRule) -> str:
    """Return what was counted about a rule in sentences."""
    n = judged.counted.numbers
    woke = f", woke someone {times(n.nights)}" if n.nights else ", woke no one"
    parts = [f"Fired {times(n.firings)}, paged {times(n.pages)}{woke}."]
    votes = n.votes_yes + n.votes_no
    judgment = (
        f"{n.votes_yes} of {plural(votes, 'answer')} called it actionable"
        if votes
        else "no one said whether it was actionable"
    )
    acted = f"{n.acted_on} of {plural(n.pages, 'page')} acted on, " if n.pages else ""
    parts.append(
        f"{acted}{judgment}, {plural(n.incidents, 'incident')}, {n.entries} with an entry.".capitalize()
    )
    if n.ack_median_s is not None:
        parts.append(f"Acknowledged after {duration(timedelta(seconds=n.ack_median_s))} (median).")
    if n.ends_after_median_s is not None:
        ends_after = duration(timedelta(seconds=n.ends_after_median_s))
        parts.append(f"The source ended {plural(n.self_ended, 'page')}, after {ends_after} (median).")
    return " ".join(parts)


def effect(shown: AuditContents, rule: AuditRule) -> str:
    """Return what the proposed change would have done in the 90 days; empty if it changes no page."""
    n, audit = rule.judged.counted.numbers, shown.audit
    if not n.silenced or n.hidden:
        return ""
    changes = "lowers the urgency of" if rule.judged.verdict is AuditVerdict.DEMOTE else "removes"
    return (
        f"the change {changes} {n.silenced} of {plural(audit.pages, 'page')}, {n.silenced_nights} of {audit.nights} "
        "at night, and hides no page that led to an incident."
    )
