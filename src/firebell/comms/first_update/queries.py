"""What people see of the first update that a rule is about to publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.comms.first_update import publication, store
from firebell.comms.first_update.model import FirstUpdateClaim
from firebell.comms.first_update.rules import FirstUpdateStep
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.status_pages.model import StatusPage


@dataclass(frozen=True, slots=True)
class ComingUpdate:
    """A status page on which a rule publishes the first update at `at`, or reminds its approvers then."""

    page: StatusPage
    at: datetime
    needs_approval: bool


@dataclass(frozen=True, slots=True)
class FirstUpdateState:
    """What rules are about to publish about an incident, and who posts it instead."""

    coming: Sequence[ComingUpdate]
    claim: FirstUpdateClaim | None

    @property
    def can_be_claimed(self) -> bool:
        """True if a person can stop a rule."""
        return self.claim is None and any(not each.needs_approval for each in self.coming)


async def state(tx: Tx, incident: Incident, now: datetime) -> FirstUpdateState:
    """Return what rules are about to publish about an incident."""
    owed = await publication.first_updates(tx, incident, now)
    coming = [
        ComingUpdate(each.publication.page, each.decision.due_at, bool(each.approval_roles))
        for each in owed
        if each.decision.step is not FirstUpdateStep.NOTHING and each.decision.due_at is not None
    ]
    return FirstUpdateState(coming, await store.claim(tx, incident.id) if owed else None)
