"""The SQL of questions: would this overdue item have prevented or shortened the incident?"""

from collections.abc import Sequence
from datetime import date, datetime

from firebell.action_items.model import ActionItem, PreventionAnswer, Question
from firebell.action_items.prevention_questions.preventable import Candidate
from firebell.action_items.store import COLUMNS, item_from_row
from firebell.incidents import actions as incidents
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx

_COLUMNS = "incident_id, item_id, reason, days_overdue, asked_at, answer, answered_by, answered_at"
COMPARED = 200
"""Number of overdue items of the services of an incident that are compared with it, the longest overdue ones."""


def _question(row: Row) -> Question:
    values = dict(row)
    return Question(**{**values, "answer": PreventionAnswer(values["answer"]) if values["answer"] else None})


async def overdue_before(tx: Reads, service_ids: Sequence[int], day: date) -> list[ActionItem]:
    """Return items due before a day whose incidents affected one of these services, the earliest due first."""
    rows = await tx.fetch(
        f"""
        select {COLUMNS}
        from action_item
        where due < $2
            and state <> 'duplicate'
            and incident_id in (
                select incident_id
                from incident_service
                where service_id = any($1::bigint[])
            )
        order by due, id
        limit {COMPARED}
        """,
        list(service_ids),
        day,
    )
    return [item_from_row(row) for row in rows]


async def ask(tx: Tx, incident_id: int, asked: Sequence[Candidate], now: datetime) -> int:
    """Store questions that were not asked yet, and return their number."""
    return await tx.changed(
        """
        insert into action_question (incident_id, item_id, reason, days_overdue, asked_at)
        select $1, asked.item_id, asked.reason, asked.days_overdue, $5
        from unnest($2::bigint[], $3::text[], $4::int[]) as asked (item_id, reason, days_overdue)
        on conflict do nothing
        """,
        incident_id,
        *transpose([(one.item.id, one.reason, one.days_overdue) for one in asked], 3),
        now,
    )


async def of_incident(tx: Reads, incident_id: int) -> list[Question]:
    """Return the questions about an incident whose items may be read, the longest overdue first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from action_question
        where incident_id = $1
            and item_id not in (
                select id
                from action_item
                where incident_id = any($2::bigint[])
            )
        order by days_overdue desc, item_id
        """,
        incident_id,
        await incidents.hidden_ids(tx),
    )
    return [_question(row) for row in rows]


async def of_item(tx: Reads, item_id: int) -> list[Question]:
    """Return the questions about an item whose incidents may be read, newest incident first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from action_question
        where item_id = $1
            and incident_id <> all($2::bigint[])
        order by incident_id desc
        """,
        item_id,
        await incidents.hidden_ids(tx),
    )
    return [_question(row) for row in rows]


async def unanswered(tx: Reads, limit: int) -> list[Question]:
    """Return questions without an answer that may be read, newest incident first."""
    hidden_ids = await incidents.hidden_ids(tx)
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from action_question
        where answer is null
            and incident_id <> all($1::bigint[])
            and item_id not in (
                select id
                from action_item
                where incident_id = any($1::bigint[])
            )
        order by incident_id desc, days_overdue desc
        limit $2
        """,
        hidden_ids,
        limit,
    )
    return [_question(row) for row in rows]


async def answer(
    tx: Tx, incident_id: int, item_id: int, text: PreventionAnswer, by: str, now: datetime
) -> Question | None:
    """Store an answer and return the question, None if it was never asked."""
    row = await tx.row(
        f"""
        update action_question
        set answer = $3,
            answered_by = $4,
            answered_at = $5
        where incident_id = $1
            and item_id = $2
        returning {_COLUMNS}
        """,
        incident_id,
        item_id,
        text,
        by,
        now,
    )
    return _question(row) if row else None
