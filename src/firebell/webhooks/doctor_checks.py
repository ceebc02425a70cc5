"""What `firebell doctor` says about webhooks."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.findings import CheckResult
from firebell.kit.text import plural
from firebell.webhooks import change_store, queries
from firebell.webhooks.model import EndpointState


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each endpoint; what does not work is a warning, because paging does not need it."""
    results = []
    dead = await change_store.dead(tx)
    if dead.count:
        text = f"{plural(dead.count, 'change')} could not be sent to any webhook."
        results.append(CheckResult("webhook", "fail", f"{text} The last error: {dead.last_error[:200]}"))
    for view in await queries.views(tx, now):
        one, text = view.endpoint, "It accepts its events."
        if one.state is EndpointState.DISABLED:
            text = f"N-WEBHOOK: it was disabled. {one.state_reason} Enable it under Settings, Webhooks."
        elif one.state is EndpointState.PAUSED:
            text = "It is paused."
        elif one.failures:
            waiting = view.counts.waiting
            text = (
                f"{plural(one.failures, 'attempt')} in a row failed;"
                f" {plural(waiting, 'event')} {'is' if waiting == 1 else 'are'} waiting."
            )
        level = "ok" if one.state is EndpointState.ACTIVE and not one.failures else "warn"
        results.append(CheckResult("webhook", level, f"{one.settings.name}: {text}"))
    return results
