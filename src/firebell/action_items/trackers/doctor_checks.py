"""What `firebell doctor` says about trackers."""

from datetime import datetime, timedelta

from firebell.action_items.trackers import queries
from firebell.action_items.trackers.call_outcomes import REMEDIES
from firebell.action_items.trackers.queries import AUTHORIZATION_NOTICE_DAYS, TrackerView
from firebell.kit.db.database import Tx
from firebell.kit.findings import CheckResult
from firebell.kit.text import plural


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each tracker; what does not work is a warning, because paging does not need it."""
    results = []
    for view in await queries.views(tx):
        problems = _problems(view, now)
        is_fine = not problems or view.state(now) in ("off", "waiting")
        text = " ".join(problems) or f"{plural(view.links, 'link')}, all synced."
        results.append(CheckResult("tracker", "ok" if is_fine else "warn", f"{view.tracker.name}: {text}"))
    return results


def _problems(view: TrackerView, now: datetime) -> list[str]:
    one, state = view.tracker, view.state(now)
    by_state = {
        "off": "It is switched off.",
        "unauthorized": f"Authorize Firebell in {view.vendor.title}: firebell tracker authorize {one.id}.",
        "stopped": f"It refused Firebell ({one.stopped_reason}). {REMEDIES[one.auth]}",
        "failing": f"It does not answer ({one.last_error}).",
        "waiting": "It has not been called yet.",
        "late": "It has not been synced for hours.",
    }
    problems = [by_state[state]] if state in by_state else []
    if view.troubled:
        problems.append(f"{plural(view.troubled, 'link')} can’t be synced.")
    ends_at = view.authorization_ends_at
    if ends_at and ends_at - now < timedelta(days=AUTHORIZATION_NOTICE_DAYS):
        problems.append(f"Authorize Firebell again before {ends_at:%Y-%m-%d}.")
    return problems
