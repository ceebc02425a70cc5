"""Asks for the approvals that rules want of a post, by notification."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from firebell.comms import approval_rules, approver_queries, store
from firebell.comms.approval_rules import ApprovalRule, Silence
from firebell.comms.model import CommsPost
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.notify import actions as notify
from firebell.notify.model import Notice


async def ask(
    tx: Tx, incident: Incident, one: CommsPost, rules: Iterable[ApprovalRule], now: datetime
) -> None:
    """Ask the roles of these rules to approve a post."""
    asked: set[int] = set()
    for rule in rules:
        candidates = await approver_queries.approvers(tx, incident, rule.roles, one.author_id, now)
        due_at = approval_rules.due_at(rule, now)
        for role in rule.roles:
            # where silence sends, no one waits for a group that is empty
            if not candidates[role] and rule.silence is not Silence.HOLD:
                continue
            await store.insert_approval(tx, one.id, rule.id, role, candidates[role], due_at, now)
            asked |= set(candidates[role])
    await notify_approvers(tx, incident, one, sorted(asked), now)


async def notify_approvers(
    tx: Tx, incident: Incident, one: CommsPost, person_ids: Sequence[int], now: datetime
) -> None:
    """Ask these people to approve a post: urgently for a SEV0."""
    notices = [
        Notice(
            key=f"comms-approval:{one.id}:{person_id}:{int(now.timestamp())}",
            person_id=person_id,
            kind="approval",
            title=f"{incident.marked_ref}: {one.author} asks you to approve an update",
            note="Check the facts, then approve it or ask for changes.",
            link=f"/incidents/{incident.ref}/comms/{one.id}",
            urgency="high" if incident.severity == 0 else "low",
        )
        for person_id in person_ids
    ]
    await notify.send_notices(tx, notices, now)
