"""What `firebell doctor` says about trackers."""

from datetime import datetime

from firebell.action_items.trackers import queries
from firebell.kit.db.database import Tx
from firebell.kit.findings import CheckResult
from firebell.kit.text import plural


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each tracker; what does not work is a warning, because paging does not need it."""
    results = []
    for view in await queries.views(tx):
        one = view.tracker
        problems = {
            "off": "It is switched off.",
            "stopped": f"It refused the token ({one.stopped_reason}). Enter a new one.",
            "failing": f"It does not answer ({one.last_error}).",
            "waiting": "It has not been called yet.",
            "late": "It has not been synced for hours.",
        }
        texts = [text] if (text := problems.get(view.state(now))) else []
        if view.troubled:
            texts.append(f"{plural(view.troubled, 'link')} can’t be synced.")
        is_fine = view.look(now) in ("ok", "idle")
        text = " ".join(texts) or f"{plural(view.links, 'link')}, all synced."
        results.append(CheckResult("tracker", "ok" if is_fine else "warn", f"{one.name}: {text}"))
    return results
