"""The SQL of sweeps: which channels are read again after a gap, and what of them was captured."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.chat.model import ChatKind
from firebell.incidents.model import OPEN
from firebell.kit.db.database import Tx
from firebell.kit.db.database_clock import TOLERANCE


@dataclass(frozen=True, slots=True)
class DueSweep:
    """A channel that is read again, from `since`."""

    room_id: int
    account_id: int
    incident_id: int
    channel: str
    since: datetime
    at: datetime
    """The gap, or the beginning of the interval: each leads to one sweep, and a failed one is tried in the next."""


async def note_gap(tx: Tx, account_id: int, now: datetime, longer_than: timedelta) -> bool:
    """Record that the chat reaches us again after a gap; return False if nothing was missed."""
    changed = await tx.changed(
        """
        update chat_account
        set gap_at = $2
        where id = $1
            and (last_frame_at is null or last_frame_at < $2::timestamptz - $3::interval)
        """,
        account_id,
        now,
        longer_than,
    )
    return changed == 1


async def note_gaps(tx: Tx, now: datetime, longer_than: timedelta) -> None:
    """Record a gap of every account that has sent nothing for longer."""
    await tx.execute(
        """
        update chat_account
        set gap_at = $1
        where kind = $3
            and (last_frame_at is null or last_frame_at < $1::timestamptz - $2::interval)
        """,
        now,
        longer_than,
        ChatKind.SLACK,
    )


async def limit_times(tx: Tx, now: datetime, swept_before: timedelta) -> None:
    """Let no time be in the future after the clock was set back, so that nothing waits until then (decision 0108).

    Channels that were read at such a time count as read `swept_before` ago, and messages that arrived then are due.
    """
    after = now + TOLERANCE
    await tx.execute(
        """
        update chat_account
        set gap_at = least(gap_at, $1),
            last_frame_at = least(last_frame_at, $1)
        where kind = $3
            and (gap_at > $2 or last_frame_at > $2)
        """,
        now,
        after,
        ChatKind.SLACK,
    )
    await tx.execute(
        """
        update chat_room
        set swept_at = $1::timestamptz - $3::interval
        from chat_account
        where chat_account.id = chat_room.account_id
            and chat_account.kind = $4
            and coalesce(chat_room.swept_at, chat_room.created_at) > $2
        """,
        now,
        after,
        swept_before,
        ChatKind.SLACK,
    )
    await tx.execute(
        """
        update chat_inbox
        set received_at = $1,
            due_at = $1
        where done_at is null
            and received_at > $2
        """,
        now,
        after,
    )


async def due(tx: Tx, now: datetime, interval: timedelta, limit: int) -> list[DueSweep]:
    """Return the channels to read again: all after a gap, those of open SEV0 and SEV1 in an interval."""
    rows = await tx.fetch(
        """
        with room as (
            select chat_room.id,
                chat_room.account_id,
                chat_room.incident_id,
                chat_room.external_id,
                coalesce(chat_room.swept_at, chat_room.created_at, $1) as since,
                chat_account.gap_at,
                incident.severity <= 1 as is_severe
            from chat_room
            join chat_account on chat_account.id = chat_room.account_id
            join incident on incident.id = chat_room.incident_id
            where chat_room.state = 'open'
                and chat_room.external_id <> ''
                and chat_account.kind = $4
                and chat_account.state <> 'broken'
                and chat_account.paused_at is null
                and incident.phase = any($5::text[])
        )
        select id as room_id,
            account_id,
            incident_id,
            external_id as channel,
            since,
            greatest(gap_at, date_bin($2::interval, $1, timestamptz 'epoch')) as at
        from room
        where gap_at > since
            or (is_severe and since <= $1::timestamptz - $2::interval)
        order by is_severe desc, since
        limit $3
        """,
        now,
        interval,
        limit,
        ChatKind.SLACK,
        [str(phase) for phase in OPEN],
    )
    return [DueSweep(**dict(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class CapturedText:
    """A captured message that was not deleted, as it was last read."""

    ts: str
    text: str
    edited_at: datetime | None


async def captured(tx: Tx, account_id: int, channel: str, since: datetime) -> list[CapturedText]:
    """Return the messages of a channel that were captured since an instant and are still there."""
    rows = await tx.fetch(
        """
        select ts, text, edited_at
        from chat_capture
        where account_id = $1
            and channel = $2
            and captured_at >= $3
            and deleted_at is null
        order by ts
        """,
        account_id,
        channel,
        since,
    )
    return [CapturedText(**dict(row)) for row in rows]


async def captured_ids(tx: Tx, account_id: int, channel: str) -> set[str]:
    """Return the ids of all messages of a channel that were ever captured."""
    rows = await tx.fetch(
        """
        select ts
        from chat_capture
        where account_id = $1
            and channel = $2
        """,
        account_id,
        channel,
    )
    return {row["ts"] for row in rows}
