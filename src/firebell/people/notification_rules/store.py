"""The SQL of notification rules."""

from collections.abc import Sequence

from firebell.kit.db.database import Tx
from firebell.people.contact_method_store import to_method
from firebell.people.model import URGENCIES, NotificationRule


async def add_rule(tx: Tx, person_id: int, urgency: str, delay_s: int, method_id: int) -> None:
    await tx.execute(
        """
        insert into notification_rule (person_id, urgency, delay_s, method_id)
        values ($1, $2, $3, $4)
        on conflict do nothing
        """,
        person_id,
        urgency,
        delay_s,
        method_id,
    )


async def clear_rules(tx: Tx, person_id: int, urgency: str) -> None:
    await tx.execute(
        "delete from notification_rule where person_id = $1 and urgency = $2", person_id, urgency
    )


async def rules_by_urgency(tx: Tx, person_ids: Sequence[int]) -> dict[str, dict[int, list[NotificationRule]]]:
    """Return the notification rules of each person over the methods in use, by urgency, person and delay."""
    rows = await tx.fetch(
        """
        select rule.urgency, rule.delay_s, method.*
        from notification_rule rule
        join contact_method method on method.id = rule.method_id and method.disabled_at is null
        where rule.person_id = any($1::bigint[])
        order by rule.delay_s, rule.id
        """,
        list(person_ids),
    )
    by_urgency: dict[str, dict[int, list[NotificationRule]]] = {
        urgency: {person_id: [] for person_id in person_ids} for urgency in URGENCIES
    }
    for row in rows:
        by_urgency[row["urgency"]][row["person_id"]].append(NotificationRule(row["delay_s"], to_method(row)))
    return by_urgency


async def rules(tx: Tx, person_ids: Sequence[int], urgency: str) -> dict[int, list[NotificationRule]]:
    """Return the notification rules of each person over the methods in use, by delay."""
    return (await rules_by_urgency(tx, person_ids))[urgency]
