"""Process checks of action items: P-STALE, P-UNOWNED and P-UNPROVEN (spec 4.4 and 11.9); pure."""

from collections.abc import Iterable
from datetime import date

from firebell.action_items import reminder_times, rules
from firebell.action_items.model import ActionItem
from firebell.action_items.working_days import WorkingDays
from firebell.kit.findings import FindingLevel, FixButton, ProcessFinding, severest_first
from firebell.kit.text import plural


def findings(
    ref: str, items: Iterable[ActionItem], working: WorkingDays, today: date
) -> list[ProcessFinding]:
    """Return the findings of the items of an incident, errors first."""
    results = []
    for item in items:
        if item.overdue_days(today) or rules.is_stale(item, today):
            results.append(_stale(ref, item, today))
        if item.is_unfinished and item.owner_id is None:
            advice = "Choose an owner."
            results.append(_finding(ref, item, "P-UNOWNED", FindingLevel.WARNING, "has no owner", advice))
        elif reminder_times.is_unanswered(item, working, today):
            text = "was not accepted within three working days"
            advice = "Ask its owner, or choose another one."
            results.append(_finding(ref, item, "P-UNOWNED", FindingLevel.WARNING, text, advice))
        if item.lacks_evidence:
            advice = "Add a link to the commit, change, runbook, graph or document."
            text = "was finished without evidence"
            results.append(_finding(ref, item, "P-UNPROVEN", FindingLevel.INFO, text, advice))
    return severest_first(results)


def _stale(ref: str, item: ActionItem, today: date) -> ProcessFinding:
    level = FindingLevel.ERROR if rules.is_stale(item, today) else FindingLevel.WARNING
    facts = [f"is {plural(item.overdue_days(today), 'day')} overdue"] if item.overdue_days(today) else []
    if item.moved >= rules.STALE_MOVES:
        facts.append(f"was put off {item.moved} times")
    return _finding(ref, item, "P-STALE", level, " and ".join(facts), "Finish it, or decide to drop it.")


def _finding(
    ref: str, item: ActionItem, code: str, level: FindingLevel, text: str, advice: str
) -> ProcessFinding:
    fix = FixButton("Open action item", page=f"/actions/{item.ref}")
    message = f"{item.ref} {text}: {item.title}"
    return ProcessFinding(
        f"{ref}:{code}:{item.id}", code, level, message, subject=ref, advice=advice, fix=fix
    )
