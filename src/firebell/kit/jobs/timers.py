"""Durable timers: rows claimed under lock once due, and deleted in the handler's transaction."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.db.database import Reads, Tx


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer: `key` identifies its subject; it is stale if the subject's epoch is no longer `epoch`."""

    id: int
    kind: str
    key: str
    epoch: int
    due_at: datetime
    attempts: int


Handler = Callable[[Tx, Sequence[Timer], datetime], Awaitable[Sequence[Timer]]]
"""Runs a batch and returns the timers to keep because their subject is locked at the moment.

A claimed timer is locked before its subject, but an action locks the subject before its timers. Handlers
therefore lock subjects with `skip locked`, to avoid deadlocks, unless all actions `hold` the timer first.
"""


WAKE_ALL = "due"
"""The `WORK_CHANNEL` message that wakes the lanes of all kinds."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Tells workers that timers of a kind were scheduled; wakes a lane that would otherwise check too late."""

    kind: str
    due_at: datetime | None = None
    """When the earliest is due; None for now."""

    @property
    def text(self) -> str:
        """The `WORK_CHANNEL` message."""
        return f"{WAKE_ALL} {self.kind} {self.due_at.isoformat() if self.due_at else ''}"

    @classmethod
    def of(cls, text: str) -> "Scheduled | None":
        """Parse a `WORK_CHANNEL` message; return None if it is about something else."""
        what, _, rest = text.partition(" ")
        kind, _, due_at = rest.partition(" ")
        if what != WAKE_ALL or not kind:
            return None
        return cls(kind, datetime.fromisoformat(due_at) if due_at else None)


async def schedule(tx: Tx, kind: str, key: str, due_at: datetime, *, epoch: int = 0) -> None:
    """Set the timer of (`kind`, `key`) to `due_at`, replacing an existing one."""
    await schedule_many(tx, kind, [(key, due_at, epoch)])


async def schedule_many(tx: Tx, kind: str, rows: Sequence[tuple[str, datetime, int]]) -> None:
    """Set many timers of one kind, each (key, due_at, epoch), in one statement."""
    if not rows:
        return
    keys, dues, epochs = zip(*rows, strict=True)
    await tx.execute("select schedule_timers($1, $2, $3, $4)", kind, keys, dues, epochs)
    await tx.wake(Scheduled(kind, min(dues)).text)


async def schedule_once(tx: Tx, kind: str, key: str, due_at: datetime) -> None:
    """Set the timer of (`kind`, `key`) unless there is one."""
    added = await tx.changed(
        """
        insert into due (kind, key, due_at)
        values ($1, $2, $3)
        on conflict do nothing
        """,
        kind,
        key,
        due_at,
    )
    if added:
        await tx.wake(Scheduled(kind, due_at).text)


async def schedule_daily(tx: Tx, kind: str, now: datetime, *, more: bool) -> None:
    """Set the one timer of a daily job: to the next second if more is left to do, else to the next day."""
    await schedule(tx, kind, "daily", now + (timedelta(seconds=1) if more else timedelta(days=1)))


async def hold(tx: Tx, kind: str, key: str) -> None:
    """Keep the timer of (`kind`, `key`) from running until the transaction ends; wait for one that runs.

    An action that holds the timer before it locks the subject locks in the same order as the handler.
    """
    await tx.execute("select from due where kind = $1 and key = $2 for update", kind, key)


async def hold_all(tx: Tx, kind: str) -> None:
    """Keep all timers of a kind from running until the transaction ends; wait for those that run."""
    await tx.execute("select from due where kind = $1 order by key for update", kind)


async def cancel(tx: Tx, kind: str, key: str) -> None:
    """Remove the timer of (`kind`, `key`) if there is one."""
    await cancel_many(tx, kind, [key])


async def cancel_many(tx: Tx, kind: str, keys: Sequence[str]) -> None:
    """Remove the timers of these keys, if any."""
    if keys:
        await tx.execute("delete from due where kind = $1 and key = any($2::text[])", kind, list(keys))


NEWEST_SHARE = 0.2
"""Share of a batch that are the timers due last, so that what has just begun waits for nothing that is late."""


async def claim(tx: Tx, now: datetime, kinds: Collection[str], *, limit: int) -> list[Timer]:
    """Lock up to `limit` overdue timers of one kind: of `kinds` with a timer that no one has locked, the most overdue.

    How overdue a kind is depends on its first timer, which may itself be locked. The timers are the most overdue ones
    and, if there are more, for a fifth of the batch the least overdue ones. The rows stay until `finish`; when the
    process dies, the lock goes and another worker claims them.
    """
    newest = int(limit * NEWEST_SHARE)
    rows = await tx.fetch(
        """
        with waiting as (
            select kinds.kind, first.due_at
            from unnest($3::text[]) as kinds (kind)
            cross join lateral (
                select due_at
                from due
                where kind = kinds.kind
                    and due_at <= $1
                order by due_at, id
                limit 1
            ) first
            -- ordered here, so that only kinds up to the first with a free timer get a lock
            order by first.due_at, kinds.kind
        ), claimed_kind as materialized (
            select unlocked.kind
            from waiting
            cross join lateral (
                select kind
                from due
                where kind = waiting.kind
                    and due_at <= $1
                order by due_at, id
                limit 1
                for update skip locked
            ) unlocked
            order by waiting.due_at, waiting.kind
            limit 1
        ), oldest as materialized (
            select id, kind, key, epoch, due_at, attempts
            from due
            where due_at <= $1
                and kind = (select kind from claimed_kind)
            order by due_at, id
            limit $2
            for update skip locked
        ), newest as materialized (
            select id, kind, key, epoch, due_at, attempts
            from due
            where due_at <= $1
                and kind = (select kind from claimed_kind)
                and (select count(*) from oldest) = $2
                and id not in (select id from oldest)
            order by due_at desc, id desc
            limit $4
            for update skip locked
        )
        select * from oldest
        union all
        select * from newest
        """,
        now,
        limit - newest,
        list(kinds),
        newest,
    )
    return [Timer(**dict(row)) for row in rows]


async def finish(tx: Tx, timers: Sequence[Timer]) -> None:
    """Remove timers that have run, except those that their handler rescheduled."""
    await tx.execute(
        """
        delete from due
        using unnest($1::bigint[], $2::timestamptz[], $3::bigint[]) ran (id, due_at, epoch)
        where due.id = ran.id
            and due.due_at = ran.due_at
            and due.epoch = ran.epoch
        """,
        [t.id for t in timers],
        [t.due_at for t in timers],
        [t.epoch for t in timers],
    )


async def postpone(tx: Tx, timer: Timer, now: datetime, error: str) -> None:
    """Retry a timer whose handler failed after 1, 2, 4 ... at most 60 seconds, without limit."""
    wait = timedelta(seconds=min(60, 2**timer.attempts))
    await tx.execute(
        """
        update due
        set due_at = $2, attempts = attempts + 1, last_error = $3
        where id = $1
        """,
        timer.id,
        now + wait,
        error[:2000],
    )


async def advance_by(
    tx: Tx, kinds: Collection[str], by: timedelta, now: datetime, keys: Collection[str] | None = None
) -> None:
    """Make the timers of some kinds that are not due yet due earlier, only those of `keys` if given."""
    await tx.execute(
        """
        update due
        set due_at = due_at - $2::interval
        where id in (
            select id
            from due
            where kind = any($1::text[])
                and due_at > $3
                and ($4::text[] is null or key = any($4))
            order by kind, key
            for update
        )
        """,
        list(kinds),
        by,
        now,
        None if keys is None else list(keys),
    )


async def delay(tx: Tx, timers: Sequence[Timer], until: datetime, reason: str) -> None:
    """Delay timers that could not run for an external reason, without counting an attempt."""
    await tx.execute(
        """
        update due
        set due_at = $2, last_error = $3
        where id = any($1::bigint[])
        """,
        [timer.id for timer in timers],
        until,
        reason[:2000],
    )


@dataclass(frozen=True, slots=True)
class Trouble:
    """Overdue timers: how many, since when, and how many fail repeatedly."""

    overdue: int
    since: datetime | None
    failing: int


async def trouble(tx: Tx, before: datetime, kinds: Collection[str], attempts: int) -> Trouble:
    """Count the timers due by `before`, and those of `kinds` that failed at least `attempts` times."""
    late = (await overdue(tx, before, ()))[False]
    failing = await tx.value(
        """
        select count(*)
        from due
        where kind = any($1::text[])
            and attempts >= $2
        """,
        list(kinds),
        attempts,
    )
    return Trouble(late.timers, late.since, failing)


@dataclass(frozen=True, slots=True)
class OverdueTimers:
    """How many timers are overdue, and since when the earliest has been."""

    timers: int = 0
    since: datetime | None = None


async def overdue(tx: Reads, now: datetime, kinds: Collection[str]) -> dict[bool, OverdueTimers]:
    """Return the overdue timers of `kinds` under True, and all others under False."""
    rows = await tx.fetch(
        """
        select
            kinds.kind = any($2::text[]) as is_of_kinds,
            sum(overdue.timers)::bigint as timers,
            min(overdue.since) as since
        from timer_kinds() as kinds (kind)
        cross join lateral (
            select count(*) as timers, min(due_at) as since
            from due
            where kind = kinds.kind
                and due_at <= $1
        ) overdue
        where overdue.timers > 0
        group by is_of_kinds
        """,
        now,
        list(kinds),
    )
    by_lane = {row["is_of_kinds"]: OverdueTimers(row["timers"], row["since"]) for row in rows}
    return {is_of_kinds: by_lane.get(is_of_kinds, OverdueTimers()) for is_of_kinds in (True, False)}


async def due_times(tx: Tx, kind: str) -> dict[str, datetime]:
    """Return when each timer of a kind is due, by key."""
    rows = await tx.fetch("select key, due_at from due where kind = $1", kind)
    return {row["key"]: row["due_at"] for row in rows}


async def next_at(tx: Tx, kinds: Collection[str]) -> datetime | None:
    """Return when the next timer of `kinds` is due; None if there are none."""
    due_at = await tx.value(
        """
        select min(next.due_at)
        from unnest($1::text[]) as kinds (kind)
        cross join lateral (
            select min(due_at) as due_at
            from due
            where kind = kinds.kind
        ) next
        """,
        list(kinds),
    )
    assert due_at is None or isinstance(due_at, datetime)
    return due_at
