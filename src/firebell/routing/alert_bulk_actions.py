"""Acknowledge or resolve many alerts, each with its own outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.alerts import actions as alerts
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import plural
from firebell.paging import actions as paging
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

LIMIT = 200
"""Largest number of alerts per request."""


class AlertAction(StrEnum):
    """The actions on many alerts."""

    ACK = "ack"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class AlertOutcome:
    """The outcome of one alert, and whether something changed. `page` is the page of its group.

    `reason` says why nothing changed, or why the page still escalates.
    """

    alert_id: int
    page: str | None
    reason: str
    is_done: bool


PAGED_NO_ONE = "it paged no one"
MISSING = "there is no such alert"
ALREADY_RESOLVED = "already resolved"
WAITS = "more acknowledgments needed"
_VERBS = {
    PAGED_NO_ONE: ("paged no one", "paged no one"),
    MISSING: ("does not exist", "do not exist"),
    ALREADY_RESOLVED: ("was already resolved", "were already resolved"),
    WAITS: ("needs more acknowledgments", "need more acknowledgments"),
}
"""What a summary says of one alert and of several, for the reasons that are decided here."""


def _checked(alert_ids: Sequence[int]) -> list[int]:
    ids = sorted(set(alert_ids))
    if not ids:
        raise Invalid("No alert is selected.", fields={"ids": "Select at least one alert."})
    if len(ids) > LIMIT:
        raise Invalid(
            f"You can change at most {LIMIT} alerts at once.", fields={"ids": "Select fewer alerts."}
        )
    return ids


async def _acknowledge(tx: Tx, actor: Actor, alert_ids: Sequence[int], now: datetime) -> list[AlertOutcome]:
    """Acknowledge the pages of alerts, and with each page all of its alerts."""
    ids = _checked(alert_ids)
    pages = await _pages(tx, ids)
    page_ids = sorted({page_id for page_id in pages.values() if page_id is not None})
    acknowledged: set[int | None] = {page.id for page in await paging.ack_waiting(tx, actor, page_ids, now)}
    reasons: dict[int | None, str] = {None: PAGED_NO_ONE, **dict.fromkeys(acknowledged, "")}
    for page_id in page_ids:
        if page_id in acknowledged:
            continue
        try:
            async with tx.savepoint():
                result = await paging.ack(tx, actor, page_id, now)
            reasons[page_id] = result.already or (WAITS if result.missing else "")
            if not result.already:
                acknowledged.add(page_id)
        except Conflict as refusal:
            reasons[page_id] = refusal.message
    return [
        _outcome(id_, pages, reasons[pages.get(id_)], is_done=pages.get(id_) in acknowledged) for id_ in ids
    ]


async def _resolve(tx: Tx, actor: Actor, alert_ids: Sequence[int], now: datetime) -> list[AlertOutcome]:
    """Resolve alerts; one that its source sends again is a new alert, with a new page."""
    ids = _checked(alert_ids)
    resolved = set(await alerts.resolve_alerts(tx, actor, ids, now))
    pages = await _pages(tx, ids)
    return [
        _outcome(id_, pages, "" if id_ in resolved else ALREADY_RESOLVED, is_done=id_ in resolved)
        for id_ in ids
    ]


@permits(Verb.PAGE_RESPOND)
async def act_on_alerts(
    tx: Tx, actor: Actor, action: AlertAction, alert_ids: Sequence[int], now: datetime
) -> list[AlertOutcome]:
    """Do one action on many alerts."""
    run = _acknowledge if action is AlertAction.ACK else _resolve
    return await run(tx, actor, alert_ids, now)


async def _pages(tx: Tx, ids: Sequence[int]) -> dict[int, int | None]:
    """Return the id of the page, if any, of each alert that exists."""
    stored = await alerts.alerts_by_id(tx, ids)
    pages = await alerts.pages_of_groups(tx, {alert.group_id for alert in stored if alert.group_id})
    return {alert.id: pages.get(alert.group_id) if alert.group_id else None for alert in stored}


def _outcome(alert_id: int, pages: dict[int, int | None], reason: str, *, is_done: bool) -> AlertOutcome:
    if alert_id not in pages:
        return AlertOutcome(alert_id, None, MISSING, is_done=False)
    page_id = pages[alert_id]
    return AlertOutcome(alert_id, None if page_id is None else f"PG-{page_id}", reason, is_done)


def summary(action: AlertAction, outcomes: Sequence[AlertOutcome]) -> str:
    """Return the outcome of the alerts, the changed ones first."""
    done = [outcome for outcome in outcomes if outcome.is_done]
    if action is AlertAction.ACK:
        pages = len({outcome.page for outcome in done})
        sentences = [f"{plural(pages, 'page')} acknowledged." if pages else "No page acknowledged."]
    else:
        sentences = [f"{plural(len(done), 'alert')} resolved." if done else "No alert resolved."]
    reasons: dict[str, int] = {}
    for outcome in outcomes:
        if outcome.reason:
            reasons[outcome.reason] = reasons.get(outcome.reason, 0) + 1
    return " ".join([*sentences, *(_sentence(reason, alerts) for reason, alerts in reasons.items())])


def _sentence(reason: str, alerts: int) -> str:
    if verbs := _VERBS.get(reason):
        return f"{plural(alerts, 'alert')} {verbs[alerts > 1]}."
    return f"{plural(alerts, 'alert')}: {reason.removesuffix('.')}."
