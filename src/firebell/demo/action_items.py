"""Action items in every state, with one that was put off three times and a question about it, for the demo."""

from datetime import datetime, timedelta
from typing import Any

from firebell.action_items import actions
from firebell.action_items.model import ActionItem, ItemKind, ItemState, Priority, Strength
from firebell.action_items.prevention_questions import actions as prevention_question_actions
from firebell.action_items.working_days import WorkingDays, from_day_on
from firebell.demo.history import Past
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN, Incident, Phase
from firebell.kit.db.database import Tx

_ENDED = (Phase.CLOSED, Phase.REVIEWED)
_LINK = "https://git.kestrel.example/deploy/pull"


class _Items:
    """Adds items on past days, each by its owner."""

    def __init__(self, past: Past, tx: Tx, now: datetime) -> None:
        self.past, self.tx, self.now = past, tx, now

    async def add(
        self, incident: Incident | None, owner: str, title: str, age: int, due: int, **more: Any
    ) -> ActionItem:
        """Add an item `age` days ago that is due in `due` days, or on the next working day after it."""
        at, day = self.now - timedelta(days=age), self.now.date() + timedelta(days=due)
        at = max(at, incident.declared_at + timedelta(hours=4)) if incident else at
        person = self.past.kestrel.actor(owner)
        values = {"owner_id": person.person_id, "due": from_day_on(WorkingDays(), day), **more}
        return await actions.add_item(
            self.tx, person, title, at, incident_id=incident.id if incident else None, **values
        )

    async def move(self, item: ActionItem, owner: str, age: int, due: int, reason: str) -> None:
        """Put an item off `age` days ago."""
        day = from_day_on(WorkingDays(), self.now.date() + timedelta(days=due))
        person, at = self.past.kestrel.actor(owner), self.now - timedelta(days=age)
        await actions.set_due(self.tx, person, item.id, day, at, reason=reason)

    async def set_state(self, item: ActionItem, who: str, to: ItemState, age: int, **more: Any) -> None:
        """Change the state of an item `age` days ago."""
        person, at = self.past.kestrel.actor(who), self.now - timedelta(days=age)
        await actions.set_item_state(self.tx, person, item.id, to, at, **more)


async def add_action_items(past: Past, now: datetime) -> None:
    """Add items of closed incidents in every state, and ask about the open ones."""
    async with past.ctx.db.tx() as tx:
        ended = [i for i in await incidents.incidents(tx, _ENDED, False, 300) if not i.is_private]
        if not ended:
            return
        add = _Items(past, tx, now)
        latest = next((i for i in ended if i.declared_at < now - timedelta(days=31)), ended[-1])
        earlier = next((i for i in ended if i.declared_at < now - timedelta(days=96)), ended[-1])
        oldest = next((i for i in reversed(ended) if i.declared_at < now - timedelta(days=96)), ended[-1])
        urgent, detect = {"priority": Priority.P1}, {"kind": ItemKind.DETECT}

        pools = await add.add(earlier, "Tomás", "Check pools before a deploy", 95, -80, **urgent)
        await add.move(pools, "Tomás", 82, -65, "")
        await add.move(pools, "Tomás", 66, -55, "The team was on call")
        await add.move(pools, "Tomás", 56, -41, "Waits for the new deploy tool")
        await add.add(earlier, "Jun", "Alert on failed label prints per depot", 35, -5, **detect)
        timeout = await add.add(latest, "Mara", "Add a timeout to the card tokenizer client", 30, -12)
        await add.set_state(timeout, "Mara", ItemState.IN_PROGRESS, 9)
        ratio = await add.add(latest, "Tomás", "Alert on the ratio of empty results", 6, 12, **detect)
        split = await add.add(oldest, "Jun", "Split the invoice queue by customer", 60, 20)
        await add.set_state(split, "Jun", ItemState.IN_PROGRESS, 20)
        blocked = {"blocked_reason": "needs a schema change"}
        await actions.change_item(tx, past.kestrel.actor("Jun"), split.id, blocked, now - timedelta(days=4))
        process = {"kind": ItemKind.PROCESS, "strength": Strength.WARN}
        proposed = await add.add(
            latest, "Mara", "Page the comms lead when the role is empty", 2, 28, owner_id=None, **process
        )
        ewa = past.kestrel.actor("Ewa")
        await actions.assign_item(
            tx, past.kestrel.actor("Mara"), proposed.id, ewa.person_id, now - timedelta(days=1)
        )
        await add.add(latest, "Jun", "Warn when a runbook is 90 days old", 3, 40, owner_id=None, **process)

        for owner, title, age, due, done, proof in (
            ("Mara", "Make the pause a runbook step with a check", 50, -20, 28, True),
            ("Tomás", "Add “recycle the pool” to the failover runbook", 44, -10, 12, True),
            ("Jun", "Lower the settlement batch size", 40, -9, 9, False),
            ("Ewa", "Refuse a shard move while the indexer runs", 70, -30, 15, True),
            ("Tomás", "Show all pool sizes on the service page", 80, -40, 42, True),
        ):
            item = await add.add(oldest, owner, title, age, due)
            evidence = [{"kind": "change", "url": f"{_LINK}/{800 + item.id}"}] if proof else []
            await add.set_state(item, owner, ItemState.DONE, done, evidence=evidence)
        dropped = await add.add(oldest, "Tomás", "Write our own connection pooler", 60, -15)
        reason = "The database has one since version 18"
        await add.set_state(dropped, "Ewa", ItemState.DROPPED, 20, reason=reason, accepts_risk=True)
        same = await add.add(earlier, "Jun", "Alert if results are empty", 5, 30, **detect)
        await add.set_state(same, "Jun", ItemState.DUPLICATE, 4, duplicate_of=ratio.id)
        for incident in await incidents.incidents(tx, tuple(OPEN), False, 10):
            await prevention_question_actions.ask(tx, incident.id, now)
