"""The SQL of pages, their log and owners; batches are single statements."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Row, Tx
from firebell.paging.model import (
    OPEN,
    Arrival,
    LogEntry,
    NewLogEntry,
    NewPage,
    Page,
    PagesChanged,
    PageState,
    Plan,
    Turn,
)

PAGE_COLUMNS = (
    "id, subject_kind, subject_id, service_id, team_id, policy_id, plan, title, urgency, severity, state,"
    " level, round, epoch, version, due_at, triggered_at, first_ack_at, acked_at, resolved_at,"
    " snoozed_until, exhausted_reason, acks, acks_needed, turns"
)

UNREADABLE = Plan("A plan that cannot be read", (), 0, None)


def page_from_row(row: Row | dict[str, Any]) -> Page:
    values = dict(row)
    try:
        plan = Plan.from_json(values["plan"])
    except (KeyError, TypeError, ValueError):
        # a plan without levels alarms the fallback responders: never silence
        plan = UNREADABLE
    return Page(
        **{
            **values,
            "plan": plan,
            "state": PageState(values["state"]),
            "acks": tuple(values["acks"]),
            "turns": tuple(Turn(level, round_, tuple(ids)) for level, round_, ids in values["turns"]),
        }
    )


async def start_pages(
    tx: Tx, timer_kind: str, new_pages: Sequence[NewPage], now: datetime
) -> tuple[list[int], bool]:
    """Insert triggered pages with their first log entry and a timer due now, in one statement.

    Return their ids, and whether `PagesChanged` is awaited. A subject that has an open page gets no other.
    """
    row = await tx.row(
        f"""
        select
            start_pages($1, $2, $3) as ids,
            {tx.is_awaited(PagesChanged)} as is_awaited
        """,
        now,
        timer_kind,
        [page_._asdict() for page_ in new_pages],
    )
    assert row
    return row["ids"] or [], row["is_awaited"]


async def page(tx: Tx, page_id: int) -> Page | None:
    row = await tx.row(
        f"""
        select {PAGE_COLUMNS}
        from page
        where id = $1
        """,
        page_id,
    )
    return page_from_row(row) if row else None


async def pages_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Page]:
    rows = await tx.fetch(
        f"""
        select {PAGE_COLUMNS}
        from page
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: page_from_row(row) for row in rows}


async def lock(tx: Tx, ids: Sequence[int]) -> list[Page]:
    """Lock pages in id order and return them."""
    rows = await tx.fetch(
        f"""
        select {PAGE_COLUMNS}
        from page
        where id = any($1::bigint[])
        order by id
        for update
        """,
        list(ids),
    )
    return [page_from_row(row) for row in rows]


async def lock_free(tx: Tx, ids: Sequence[int]) -> list[Page]:
    """Lock in id order and return the pages that no other transaction has locked."""
    rows = await tx.fetch(
        f"""
        select {PAGE_COLUMNS}
        from page
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(ids),
    )
    return [page_from_row(row) for row in rows]


async def lock_subjects(tx: Tx, kind: str, ids: Sequence[int]) -> list[Page]:
    """Lock the open pages of these subjects in id order and return them."""
    rows = await tx.fetch(
        f"""
        select {PAGE_COLUMNS}
        from page
        where subject_kind = $1
            and subject_id = any($2::bigint[])
            and state not in ('resolved', 'merged')
        order by id
        for update
        """,
        kind,
        list(ids),
    )
    return [page_from_row(row) for row in rows]


async def save(tx: Tx, pages: Sequence[Page]) -> None:
    """Write changed pages back and void the queued deliveries of their older plans (I2, I6)."""
    await tx.execute(
        """
        update page
        set urgency = changed.urgency,
            severity = changed.severity,
            state = changed.state,
            level = changed.level,
            round = changed.round,
            epoch = changed.epoch,
            version = changed.version,
            due_at = changed.due_at,
            first_ack_at = changed.first_ack_at,
            acked_at = changed.acked_at,
            resolved_at = changed.resolved_at,
            snoozed_until = changed.snoozed_until,
            exhausted_reason = changed.exhausted_reason,
            acks = changed.acks::jsonb,
            acks_needed = changed.acks_needed,
            turns = changed.turns::jsonb
        from unnest(
            $1::bigint[], $2::text[], $3::int[], $4::text[], $5::int[], $6::int[], $7::bigint[], $8::bigint[],
            $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],
            $13::timestamptz[], $14::text[], $15::text[], $16::int[], $17::text[]
        ) changed (
            id, urgency, severity, state, level, round, epoch, version,
            due_at, first_ack_at, acked_at, resolved_at,
            snoozed_until, exhausted_reason, acks, acks_needed, turns
        )
        where page.id = changed.id
        """,
        *transpose(map(_changing_values, pages), 17),
    )


async def advance_by(tx: Tx, by: timedelta, now: datetime, *, only_after_now: bool) -> list[int]:
    """Make the open pages that wait due earlier, and return their ids.

    With `only_after_now`, only those that began or were acknowledged after `now`. Afterward no page has such a time, so
    each is moved once.
    """
    rows = await tx.fetch(
        """
        with moved as materialized (
            select id
            from page
            where state not in ('resolved', 'merged')
                and (due_at > $2 or acked_at > $2 or triggered_at > $2)
                and (acked_at > $2 or triggered_at > $2 or not $3)
            order by id
            for no key update
        )
        update page
        set due_at = case when due_at > $2 then due_at - $1::interval else due_at end,
            snoozed_until = case when due_at > $2 then snoozed_until - $1::interval else snoozed_until end,
            acked_at = case when acked_at is not null then least(acked_at - $1::interval, $2) end,
            first_ack_at = case when first_ack_at > $2 then $2 else first_ack_at end,
            triggered_at = least(triggered_at, $2)
        from moved
        where page.id = moved.id
        returning page.id
        """,
        by,
        now,
        only_after_now,
    )
    return [row["id"] for row in rows]


def _changing_values(page_: Page) -> tuple[Any, ...]:
    """Return the id and the mutable columns of a page, in the order of `save`."""
    return (
        page_.id,
        page_.urgency,
        page_.severity,
        page_.state,
        page_.level,
        page_.round,
        page_.epoch,
        page_.version,
        page_.due_at,
        page_.first_ack_at,
        page_.acked_at,
        page_.resolved_at,
        page_.snoozed_until,
        page_.exhausted_reason,
        # as text: a list in a list would be an array of two dimensions
        msgspec.json.encode(page_.acks).decode(),
        page_.acks_needed,
        msgspec.json.encode(page_.turns).decode(),
    )


async def retitle_all(tx: Tx, kind: str, subject_id: int, title: str) -> list[int]:
    """Update the titles of all pages of a subject, also of resolved ones; return their ids."""
    rows = await tx.fetch(
        """
        update page
        set title = $3
        where subject_kind = $1
            and subject_id = $2
        returning id
        """,
        kind,
        subject_id,
        title,
    )
    return [row["id"] for row in rows]


async def set_plan(tx: Tx, page_ids: Sequence[int], plan: Plan) -> None:
    """Replace the plan of some pages by the same one."""
    await tx.execute("update page set plan = $2 where id = any($1::bigint[])", list(page_ids), plan.to_json())


async def retitle(tx: Tx, kind: str, titles: Mapping[int, str]) -> list[int]:
    """Update the titles of the open pages of these subjects, locked in id order; return the changed ids."""
    rows = await tx.fetch(
        """
        with open_page as (
            select page.id, renamed.title
            from page
            join unnest($2::bigint[], $3::text[]) renamed (subject_id, title)
                on renamed.subject_id = page.subject_id
            where page.subject_kind = $1
                and page.state not in ('resolved', 'merged')
            order by page.id
            for update of page
        )
        update page
        set title = open_page.title
        from open_page
        where page.id = open_page.id
            and page.title <> open_page.title
        returning page.id
        """,
        kind,
        list(titles),
        list(titles.values()),
    )
    return [row["id"] for row in rows]


async def counts(tx: Tx) -> dict[str, int]:
    """Return the number of open pages by state."""
    rows = await tx.fetch(
        """
        select state, count(*) pages
        from page
        where state = any($1::text[])
        group by state
        """,
        list(OPEN),
    )
    return {row["state"]: row["pages"] for row in rows}


async def add_owner(tx: Tx, page_ids: Sequence[int], person_id: int, now: datetime) -> None:
    """Record that a person acknowledged these pages; idempotent."""
    await tx.execute(
        """
        insert into page_owner (page_id, person_id, at)
        select page_id, $2, $3
        from unnest($1::bigint[]) page_id
        on conflict do nothing
        """,
        list(page_ids),
        person_id,
        now,
    )


async def owners(tx: Tx, ids: Sequence[int], *, ever: bool = False) -> dict[int, list[int]]:
    """Return the owners of each page, earliest first; with `ever`, also those who withdrew or lost it since."""
    rows = await tx.fetch(
        """
        select owner.page_id, owner.person_id
        from page
        join page_owner owner on owner.page_id = page.id
        where page.id = any($1::bigint[])
            and owner.page_id = any($1)
            and ($2 or page.acks = '[]' or page.acks @> to_jsonb(owner.person_id))
        order by owner.at
        """,
        list(ids),
        ever,
    )
    owners_of: dict[int, list[int]] = {page_id: [] for page_id in ids}
    for row in rows:
        owners_of[row["page_id"]].append(row["person_id"])
    return owners_of


async def acknowledged_by(tx: Tx, person_id: int) -> list[int]:
    """Return the open pages that count an acknowledgment of a person.

    These are also the acknowledged ones without a list of who has acknowledged whose only active owner they are.
    """
    rows = await tx.fetch(
        """
        select id
        from page
        where state in ('triggered', 'exhausted', 'snoozed', 'acked')
            and acks @> to_jsonb($1::bigint)
        union
        select owner.page_id
        from page_owner owner
        join page on page.id = owner.page_id and page.state = 'acked' and page.acks = '[]'
        where owner.person_id = $1
            and not exists (
                select
                from page_owner other
                join person on person.id = other.person_id and person.active
                where other.page_id = owner.page_id
                    and person.id <> $1
            )
        order by id
        """,
        person_id,
    )
    return [row["id"] for row in rows]


async def open_pages_of_schedule(tx: Tx, schedule_id: int) -> list[int]:
    """Return the open pages whose plan notifies a schedule."""
    rows = await tx.fetch(
        """
        select id
        from page
        where state not in ('resolved', 'merged')
            and plan->'levels' @> $1
        order by id
        """,
        [{"targets": [{"kind": "schedule", "id": schedule_id}]}],
    )
    return [row["id"] for row in rows]


async def add_log(tx: Tx, entries: Sequence[NewLogEntry], now: datetime) -> bool:
    """Append entries to page logs; return whether `PagesChanged` is awaited."""
    is_awaited: bool = await tx.value(
        f"""
        with added as (
            insert into page_log (page_id, at, kind, actor, actor_id, text, data)
            select entry.page_id, $1, entry.kind, entry.actor, entry.actor_id, entry.text, entry.data
            from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::jsonb[])
                entry (page_id, kind, actor, actor_id, text, data)
        )
        select {tx.is_awaited(PagesChanged)}
        """,
        now,
        *transpose(entries, 6),
    )
    return is_awaited


async def log(tx: Tx, page_id: int) -> list[LogEntry]:
    """Return the latest 1,000 log entries of a page, oldest first; an unanswered alarm adds them forever."""
    rows = await tx.fetch(
        """
        select at, kind, actor, text, data
        from (
            select *
            from page_log
            where page_id = $1
            order by id desc
            limit 1000
        ) latest
        order by id
        """,
        page_id,
    )
    return [LogEntry(**dict(row)) for row in rows]


async def pages_waiting_for(tx: Tx, person_id: int) -> list[int]:
    """Return the triggered pages whose current level notifies a person, also if the message has arrived."""
    rows = await tx.fetch(
        """
        select distinct page.id
        from page
        join delivery on delivery.subject_kind = 'page'
            and delivery.subject_id = page.id
            and delivery.epoch = page.epoch
            and delivery.level = page.level
            and delivery.round = page.round
        where page.state = 'triggered'
            and delivery.person_id = $1
            and delivery.state in ('queued', 'sending', 'accepted')
        order by page.id
        """,
        person_id,
    )
    return [row["id"] for row in rows]


async def arrivals(tx: Tx, start: datetime, end: datetime, person_ids: Collection[int]) -> list[Arrival]:
    """Return when messages about urgent pages reached these people in `[start, end)`, oldest first.

    Messages about one page to one person in one minute count once. Pages of drills and tests don't count (N20).
    """
    rows = await tx.fetch(
        """
        with reached as materialized (
            select person_id, subject_id, min(sent_at) as "at"
            from delivery
            where state = 'accepted'
                and subject_kind = 'page'
                and sent_at >= $1
                and sent_at < $2
                and person_id = any($3::bigint[])
            group by person_id, subject_id, date_bin('1 minute', sent_at, 'epoch')
        ),
        urgent as materialized (
            select id, severity
            from page
            -- an array makes the planner read the pages of a month in the order of the index, all at once
            where id = any(array(select subject_id from reached))
                and urgency = 'high'
                and not plan ? 'is_drill'
        )
        select reached.person_id, reached.subject_id as page_id, urgent.severity, reached."at"
        from reached
        join urgent on urgent.id = reached.subject_id
        order by reached."at", reached.subject_id
        """,
        start,
        end,
        list(person_ids),
    )
    return [Arrival._make(row) for row in rows]


async def triggered(tx: Tx, team_id: int, start: datetime, end: datetime) -> list[Page]:
    """Return the team's pages that began in `[start, end)`, oldest first, at most 500."""
    rows = await tx.fetch(
        f"""
        select {PAGE_COLUMNS}
        from page
        where state = any($4::text[])
            and team_id = $1
            and triggered_at >= $2
            and triggered_at < $3
        order by triggered_at, id
        limit 500
        """,
        team_id,
        start,
        end,
        list(PageState),
    )
    return [page_from_row(row) for row in rows]
