"""The SQL of what is to be compared with chats again."""

from collections.abc import Sequence
from datetime import datetime

from firebell.chat.model import Want
from firebell.kit.db.database import Reads, Tx


async def want(tx: Tx, target: str, rank: int, now: datetime, account_id: int | None = None) -> None:
    """Compare a target with every chat again, or with that of one account."""
    await tx.execute(
        """
        insert into chat_want (account_id, target, rank, dirty_at, due_at)
        select id, $1, $2, $3, $3
        from chat_account
        where $4::bigint is null or id = $4
        on conflict (account_id, target) do update
        set version = chat_want.version + 1,
            rank = excluded.rank,
            dirty_at = case
                when chat_want.version > chat_want.done_version then chat_want.dirty_at
                else excluded.dirty_at
            end,
            due_at = least(chat_want.due_at, excluded.due_at)
        """,
        target,
        rank,
        now,
        account_id,
    )


async def want_pages_of(tx: Tx, incident_id: int, now: datetime, *, only_open: bool) -> None:
    """Queue a new comparison of an incident's pages with the chats that show them, if asked only of open ones.

    Rows are locked in the order in which changed pages are queued.
    """
    await tx.execute(
        """
        with page_want as materialized (
            select chat_want.account_id, chat_want.target
            from incident_page
            cross join chat_account
            join chat_want
                on chat_want.account_id = chat_account.id
                and chat_want.target = 'pg-' || incident_page.page_id
            where incident_page.incident_id = $1
                and not (chat_want.is_over and $3)
            order by chat_want.account_id, incident_page.page_id
            for no key update of chat_want
        )
        update chat_want
        set version = version + 1,
            dirty_at = case when version > done_version then dirty_at else $2 end,
            due_at = least(due_at, $2)
        from page_want
        where chat_want.account_id = page_want.account_id
            and chat_want.target = page_want.target
        """,
        incident_id,
        now,
        only_open,
    )


async def want_open_incidents(tx: Tx, account_id: int, now: datetime) -> None:
    """Compare all incidents that are open, or were closed recently, with a chat that was just connected."""
    await tx.execute(
        """
        insert into chat_want (account_id, target, rank, dirty_at, due_at)
        select $1, 'inc-' || incident.id, 1 + incident.severity, $2, $2
        from incident
        where incident.closed_at is null
            or exists (
                select
                from chat_room
                where chat_room.incident_id = incident.id
                    and chat_room.account_id = $1
                    and chat_room.state = 'open'
            )
        on conflict (account_id, target) do update
        set version = chat_want.version + 1,
            due_at = least(chat_want.due_at, excluded.due_at)
        """,
        account_id,
        now,
    )


async def want_changed_pages(tx: Tx, account_id: int, now: datetime, limit: int) -> int:
    """Compare the pages whose state or title changed since they were queued, once more after they were resolved.

    The title says that an alert flaps, and changes only when that begins or ends. A page that was resolved before it
    was ever compared stays unseen.
    """
    return await tx.changed(
        """
        with changed as (
            select page.id, page.version, page.title, false as is_over
            from page
            left join chat_want
                on chat_want.account_id = $1
                and chat_want.target = 'pg-' || page.id
            where page.state in ('triggered', 'exhausted', 'acked', 'snoozed')
                and (
                    chat_want.target is null
                    or page.version > chat_want.page_version
                    or page.title <> chat_want.page_title
                )
            union all
            select page.id, page.version, page.title, true as is_over
            from chat_want
            join page on page.id = substring(chat_want.target from 4)::bigint
            where chat_want.account_id = $1
                and chat_want.target like 'pg-%'
                and not chat_want.is_over
                and page.state in ('resolved', 'merged')
            order by id
            limit $3
        )
        insert into chat_want (account_id, target, rank, page_version, page_title, dirty_at, due_at, is_over)
        select $1, 'pg-' || id, 0, version, title, $2, $2, is_over
        from changed
        on conflict (account_id, target) do update
        set version = chat_want.version + 1,
            page_version = excluded.page_version,
            page_title = excluded.page_title,
            dirty_at = excluded.dirty_at,
            due_at = least(chat_want.due_at, excluded.due_at),
            is_over = excluded.is_over
        """,
        account_id,
        now,
        limit,
    )


async def due(tx: Reads, account_id: int, now: datetime, limit: int) -> list[Want]:
    """Return the targets to compare now, the most important first."""
    rows = await tx.fetch(
        """
        select account_id, target, version
        from chat_want
        where account_id = $1 and due_at <= $2
        order by rank, due_at, target
        limit $3
        """,
        account_id,
        now,
        limit,
    )
    return [Want(**dict(row)) for row in rows]


async def next_due_at(tx: Reads, account_ids: Sequence[int]) -> datetime | None:
    """Return when a target is to be compared next, None for never."""
    at: datetime | None = await tx.value(
        "select min(due_at) from chat_want where account_id = any($1::bigint[])", list(account_ids)
    )
    return at


async def settle(tx: Tx, want: Want, next_at: datetime | None, *, done: bool) -> None:
    """Record the comparison of a version; if the target changed meanwhile, it stays due."""
    await tx.execute(
        """
        update chat_want
        set due_at = $4,
            done_version = case when $5 then $3 else done_version end
        where account_id = $1 and target = $2 and version = $3
        """,
        want.account_id,
        want.target,
        want.version,
        next_at,
        done,
    )
