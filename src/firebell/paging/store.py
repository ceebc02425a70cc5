"""The SQL of policies, pages, their log and owners; batches are single statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db import Row, Tx
from firebell.paging.model import (
    Arrival,
    LogEntry,
    Notice,
    Page,
    PageState,
    Plan,
    Policy,
    levels_from_json,
)

_POLICY = "id, name, slug, team_id, version, levels, repeat, ack_timeout_s"
PAGE_COLUMNS = (
    "id, subject_kind, subject_id, service_id, team_id, policy_id, plan, title, urgency, severity, state,"
    " level, round, epoch, version, due_at, triggered_at, first_ack_at, acked_at, resolved_at,"
    " snoozed_until, exhausted_reason"
)

UNREADABLE = Plan("A plan that cannot be read", (), 0, None)


def _policy(row: Row) -> Policy:
    values = dict(row)
    return Policy(**{**values, "levels": levels_from_json(values["levels"])})


def page_from_row(row: Row | dict[str, Any]) -> Page:
    values = dict(row)
    try:
        plan = Plan.from_json(values["plan"])
    except (KeyError, TypeError, ValueError):
        # a plan without levels alarms the catch-all list: the one thing left to do, and never silence
        plan = UNREADABLE
    return Page(**{**values, "plan": plan, "state": PageState(values["state"])})


async def insert_policy(
    tx: Tx, name: str, slug: str, team_id: int, plan: Plan, now: datetime
) -> Policy | None:
    data = plan.to_json()
    row = await tx.row(
        "insert into policy (name, slug, team_id, levels, repeat, ack_timeout_s, created_at)"
        f" values ($1, $2, $3, $4, $5, $6, $7) on conflict (slug) do nothing returning {_POLICY}",
        name,
        slug,
        team_id,
        data["levels"],
        plan.repeat,
        plan.ack_timeout_s,
        now,
    )
    return _policy(row) if row else None


async def update_policy(tx: Tx, policy_id: int, plan: Plan) -> None:
    data = plan.to_json()
    await tx.execute(
        "update policy set levels = $2, repeat = $3, ack_timeout_s = $4, version = version + 1 where id = $1",
        policy_id,
        data["levels"],
        plan.repeat,
        plan.ack_timeout_s,
    )


async def policies(tx: Tx) -> list[Policy]:
    return [_policy(r) for r in await tx.fetch(f"select {_POLICY} from policy order by name, id")]


async def policies_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Policy]:
    rows = await tx.fetch(f"select {_POLICY} from policy where id = any($1::bigint[])", list(ids))
    return {row["id"]: _policy(row) for row in rows}


async def hold_policies(tx: Tx, ids: Sequence[int]) -> dict[int, Policy]:
    """Return the policies for pages that begin: none of them is deleted before this transaction ends."""
    rows = await tx.fetch(
        f"select {_POLICY} from policy where id = any($1::bigint[]) order by id for key share", list(ids)
    )
    return {row["id"]: _policy(row) for row in rows}


async def policy_by_slug(tx: Tx, slug: str) -> Policy | None:
    row = await tx.row(f"select {_POLICY} from policy where slug = $1", slug)
    return _policy(row) if row else None


async def delete_policy(tx: Tx, policy_id: int) -> list[int] | None:
    """Delete a policy and return the services that followed it; None if an open page follows it."""
    # services before policies: the order in which a new alert locks them
    services = await tx.fetch(
        "select id from service where policy_id = $1 order by id for no key update", policy_id
    )
    await tx.fetch("select id from policy where id = $1 for update", policy_id)
    if await tx.value(
        "select exists (select from page where policy_id = $1 and state <> 'resolved')", policy_id
    ):
        return None
    await tx.execute("update service set policy_id = null where policy_id = $1", policy_id)
    await tx.execute("update page set policy_id = null where policy_id = $1", policy_id)
    await tx.execute("delete from policy where id = $1", policy_id)
    return [row["id"] for row in services]


async def restore_policy(tx: Tx, policy: Policy, now: datetime) -> Policy | None:
    """Insert a deleted policy under its old id; None if its slug or id is taken."""
    row = await tx.row(
        f"""
        insert into policy (id, name, slug, team_id, levels, repeat, ack_timeout_s, version, created_at)
        overriding system value
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict do nothing
        returning {_POLICY}
        """,
        policy.id,
        policy.name,
        policy.slug,
        policy.team_id,
        policy.plan.to_json()["levels"],
        policy.repeat,
        policy.ack_timeout_s,
        policy.version,
        now,
    )
    return _policy(row) if row else None


async def insert_pages(tx: Tx, kind: str, rows: Sequence[dict[str, Any]], now: datetime) -> list[int]:
    """Insert triggered pages due now; a subject that has an open page gets no second one."""
    found = await tx.fetch(
        "insert into page (subject_kind, subject_id, service_id, team_id, policy_id, plan, title, urgency,"
        " severity, state, due_at, triggered_at)"
        " select $1, s, v, t, p, l, n, u, x, 'triggered', $2, $2"
        " from unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::jsonb[], $8::text[],"
        " $9::text[], $10::int[]) r(s, v, t, p, l, n, u, x)"
        " on conflict (subject_kind, subject_id) where state not in ('resolved', 'merged') do nothing"
        " returning id",
        kind,
        now,
        *[
            [row[name] for row in rows]
            for name in (
                "subject_id",
                "service_id",
                "team_id",
                "policy_id",
                "plan",
                "title",
                "urgency",
                "severity",
            )
        ],
    )
    return [row["id"] for row in found]


async def page(tx: Tx, page_id: int) -> Page | None:
    row = await tx.row(f"select {PAGE_COLUMNS} from page where id = $1", page_id)
    return page_from_row(row) if row else None


async def pages_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Page]:
    rows = await tx.fetch(f"select {PAGE_COLUMNS} from page where id = any($1::bigint[])", list(ids))
    return {row["id"]: page_from_row(row) for row in rows}


async def lock(tx: Tx, ids: Sequence[int]) -> list[Page]:
    """Lock pages in id order and return them."""
    rows = await tx.fetch(
        f"select {PAGE_COLUMNS} from page where id = any($1::bigint[]) order by id for update", list(ids)
    )
    return [page_from_row(row) for row in rows]


async def lock_free(tx: Tx, ids: Sequence[int]) -> list[Page]:
    """Lock those pages that nobody else holds just now."""
    rows = await tx.fetch(
        f"select {PAGE_COLUMNS} from page where id = any($1::bigint[]) order by id for update skip locked",
        list(ids),
    )
    return [page_from_row(row) for row in rows]


async def lock_subjects(tx: Tx, kind: str, ids: Sequence[int]) -> list[Page]:
    """Lock the open pages of these subjects in id order and return them."""
    rows = await tx.fetch(
        f"select {PAGE_COLUMNS} from page where subject_kind = $1 and subject_id = any($2::bigint[])"
        " and state not in ('resolved', 'merged') order by id for update",
        kind,
        list(ids),
    )
    return [page_from_row(row) for row in rows]


async def save(tx: Tx, pages: Sequence[Page]) -> None:
    """Write changed pages back and void what waits of their older plans (I2, I6)."""
    await tx.execute(
        "update page p set urgency = t.u, severity = t.x, state = t.s, level = t.l, round = t.r,"
        " epoch = t.e, version = t.v, due_at = t.d, first_ack_at = t.f, acked_at = t.a, resolved_at = t.z,"
        " snoozed_until = t.n, exhausted_reason = t.q"
        " from unnest($1::bigint[], $2::text[], $3::int[], $4::text[], $5::int[], $6::int[], $7::bigint[],"
        " $8::bigint[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[],"
        " $13::timestamptz[], $14::text[]) t(i, u, x, s, l, r, e, v, d, f, a, z, n, q) where p.id = t.i",
        [p.id for p in pages],
        [p.urgency for p in pages],
        [p.severity for p in pages],
        [p.state for p in pages],
        [p.level for p in pages],
        [p.round for p in pages],
        [p.epoch for p in pages],
        [p.version for p in pages],
        [p.due_at for p in pages],
        [p.first_ack_at for p in pages],
        [p.acked_at for p in pages],
        [p.resolved_at for p in pages],
        [p.snoozed_until for p in pages],
        [p.exhausted_reason for p in pages],
    )
    # the first plan of a page has no older one; `offset 0` keeps the lookup on the page's own deliveries
    if moved := [p for p in pages if p.epoch > 1]:
        await tx.execute(
            "update delivery set state = 'void' where id in (select o.id from"
            " unnest($1::bigint[], $2::bigint[]) t(i, e) cross join lateral (select id, epoch, state"
            " from delivery where page_id = t.i offset 0) o where o.epoch < t.e and o.state = 'queued')",
            [p.id for p in moved],
            [p.epoch for p in moved],
        )


async def retitle(tx: Tx, kind: str, titles: Mapping[int, str]) -> list[int]:
    """Give the open pages of these subjects other titles, locked in id order; return their ids."""
    rows = await tx.fetch(
        """
        with open_page as (
            select p.id, t.title
            from page p
            join unnest($2::bigint[], $3::text[]) t(subject_id, title) on t.subject_id = p.subject_id
            where p.subject_kind = $1 and p.state not in ('resolved', 'merged')
            order by p.id
            for update of p
        )
        update page p
        set title = o.title
        from open_page o
        where p.id = o.id and p.title <> o.title
        returning p.id
        """,
        kind,
        list(titles),
        list(titles.values()),
    )
    return [row["id"] for row in rows]


async def open_page_of(tx: Tx, kind: str, subject_id: int) -> Page | None:
    row = await tx.row(
        f"select {PAGE_COLUMNS} from page where subject_kind = $1 and subject_id = $2 order by id desc limit 1",
        kind,
        subject_id,
    )
    return page_from_row(row) if row else None


async def counts(tx: Tx) -> dict[str, int]:
    """Return how many open pages there are by state."""
    rows = await tx.fetch("select state, count(*) n from page where state <> 'resolved' group by state")
    return {row["state"]: row["n"] for row in rows}


async def add_owner(tx: Tx, page_id: int, person_id: int, now: datetime) -> None:
    await tx.execute(
        "insert into page_owner (page_id, person_id, at) values ($1, $2, $3) on conflict do nothing",
        page_id,
        person_id,
        now,
    )


async def owners(tx: Tx, ids: Sequence[int]) -> dict[int, list[int]]:
    """Return who took each page, the first first."""
    rows = await tx.fetch(
        "select page_id, person_id from page_owner where page_id = any($1::bigint[]) order by at", list(ids)
    )
    found: dict[int, list[int]] = {i: [] for i in ids}
    for row in rows:
        found[row["page_id"]].append(row["person_id"])
    return found


async def owned_by_alone(tx: Tx, person_id: int) -> list[int]:
    """Return the acknowledged pages that this person took and nobody else who is active."""
    rows = await tx.fetch(
        "select o.page_id from page_owner o join page p on p.id = o.page_id and p.state = 'acked'"
        " where o.person_id = $1 and not exists (select from page_owner x"
        " join person q on q.id = x.person_id and q.active where x.page_id = o.page_id and q.id <> $1)",
        person_id,
    )
    return [row["page_id"] for row in rows]


async def open_pages_of_schedule(tx: Tx, schedule_id: int) -> list[int]:
    """Return the open pages whose plan notifies a schedule."""
    rows = await tx.fetch(
        "select id from page where state not in ('resolved', 'merged') and plan->'levels' @> $1 order by id",
        [{"targets": [{"kind": "schedule", "id": schedule_id}]}],
    )
    return [row["id"] for row in rows]


async def add_log(
    tx: Tx, rows: Sequence[tuple[int, str, str, int | None, str, dict[str, Any]]], now: datetime
) -> None:
    """Append (page id, kind, actor, actor id, text, data) lines."""
    await tx.execute(
        "insert into page_log (page_id, at, kind, actor, actor_id, text, data)"
        " select p, $1, k, a, i, t, d from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[],"
        " $6::text[], $7::jsonb[]) r(p, k, a, i, t, d)",
        now,
        *(list(column) for column in zip(*rows, strict=True)),
    )


async def log(tx: Tx, page_id: int) -> list[LogEntry]:
    """Return the story of a page, its last thousand lines: an alarm that nobody hears repeats for ever."""
    rows = await tx.fetch(
        "select at, kind, actor, text, data from (select * from page_log where page_id = $1"
        " order by id desc limit 1000) l order by id",
        page_id,
    )
    return [LogEntry(*row.values()) for row in rows]


async def insert_notices(tx: Tx, words: Sequence[Notice], now: datetime) -> list[tuple[int, Notice]]:
    """Store what was not told before, and return it with its ids."""
    rows = await tx.fetch(
        "insert into notice (key, person_id, kind, urgency, title, note, link, created_at)"
        " select k, p, c, u, t, n, l, $1 from unnest($2::text[], $3::bigint[], $4::text[], $5::text[],"
        " $6::text[], $7::text[], $8::text[]) w(k, p, c, u, t, n, l)"
        " on conflict (key) do nothing returning id, key",
        now,
        [w.key for w in words],
        [w.person_id for w in words],
        [w.kind for w in words],
        [w.urgency for w in words],
        [w.title for w in words],
        [w.note for w in words],
        [w.link for w in words],
    )
    by_key = {w.key: w for w in words}
    return [(row["id"], by_key[row["key"]]) for row in rows]


async def word(tx: Tx, word_id: int) -> Notice:
    row = await tx.row(
        "select key, person_id, kind, title, note, link, urgency from notice where id = $1", word_id
    )
    assert row
    return Notice(*row.values())


async def mail_subjects(tx: Tx, subjects: Mapping[str, str]) -> dict[str, str]:
    """Return the subject of each mail thread: the first one that was given for it, by any process."""
    # threads in order, so that two senders that keep the same ones do not wait for each other in a circle
    threads = sorted(subjects)
    await tx.execute(
        """
        insert into mail_thread (thread, subject)
        select * from unnest($1::text[], $2::text[])
        on conflict (thread) do nothing
        """,
        threads,
        [subjects[thread] for thread in threads],
    )
    rows = await tx.fetch("select thread, subject from mail_thread where thread = any($1::text[])", threads)
    return {row["thread"]: row["subject"] for row in rows}


async def arrivals(tx: Tx, a: datetime, b: datetime) -> list[Arrival]:
    """Return the messages of urgent pages that reached somebody in `[a, b)`, the first first."""
    rows = await tx.fetch(
        "select d.person_id, d.page_id, p.severity, d.sent_at from delivery d join page p on p.id = d.page_id"
        " where d.state = 'accepted' and d.page_id is not null and p.urgency = 'high'"
        " and d.sent_at >= $1 and d.sent_at < $2 order by d.sent_at, d.id",
        a,
        b,
    )
    return [Arrival(*row.values()) for row in rows]


async def triggered(tx: Tx, team_id: int, a: datetime, b: datetime) -> list[Page]:
    """Return the team's pages that began in `[a, b)`, the first first."""
    rows = await tx.fetch(
        f"select {PAGE_COLUMNS} from page where team_id = $1 and triggered_at >= $2 and triggered_at < $3"
        " order by triggered_at, id limit 500",
        team_id,
        a,
        b,
    )
    return [page_from_row(row) for row in rows]
