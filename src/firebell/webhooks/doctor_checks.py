"""What `firebell doctor` says about webhooks."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.findings import CheckResult
from firebell.kit.text import plural
from firebell.webhooks import queries
from firebell.webhooks.model import EndpointState


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each endpoint; what does not work is a warning, because paging does not need it."""
    results = []
    for view in await queries.views(tx, now):
        one, text = view.endpoint, "It accepts its events."
        if one.state is EndpointState.DISABLED:
            text = f"N-METHOD: it was disabled. {one.state_reason} Enable it under Settings, Webhooks."
        elif one.state is EndpointState.PAUSED:
            text = "It is paused."
        elif one.failures:
            text = (
                f"{plural(one.failures, 'attempt')} failed one after the other, {view.counts.waiting} wait."
            )
        level = "ok" if one.state is EndpointState.ACTIVE and not one.failures else "warn"
        results.append(CheckResult("webhook", level, f"{one.settings.name}: {text}"))
    return results
