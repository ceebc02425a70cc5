"""The SQL that reads past alerts for previews."""

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import asyncpg

from firebell.alerts.cleaning import OVERFLOW_KEY
from firebell.alerts.model import HEARTBEAT_KEY_PREFIX, SOURCE_SILENT_KEY, TEST_KEY_PREFIX
from firebell.alerts.past_alert_columns import AlertHistory, AlertKind
from firebell.kit.db.database import Reads
from firebell.kit.storable_json import storable_text
from firebell.kit.threads import Pool

MAX_READ = 1_000_000
"""Number of alerts that a preview reads at most, the newest ones."""
MAX_KINDS = 20_000
"""Number of kinds of alerts that a preview compares at most; it reads fewer alerts if they differ more."""
_previews = Pool("previews", size=1, queue=3)
turn = _previews.turn
"""One preview at a time reads past alerts, because each needs some 100 MB."""
_computations = Pool("past alerts", size=1, queue=4)
compute = _computations.run
"""Runs what a preview computes in a thread."""


async def past_alerts(tx: Reads, since: datetime, labels: Sequence[str] | None) -> AlertHistory:
    """Return those of the newest `MAX_READ` alerts that began since an instant, but for test alerts.

    Alerts that differ in none of these labels, or in none at all, are of one kind. Rules that watch Firebell itself,
    and what was not read, are replayed too; rules never match them. A preview waits for its `turn` first.
    """
    columns = await _columns(tx, since, MAX_READ, labels)
    is_cut = len(columns.history.ids) == MAX_READ
    if columns.fitting < len(columns.history.ids):
        columns, is_cut = await _columns(tx, since, columns.fitting, labels), True
    return replace(columns.history, kinds=await _kinds(tx, columns.examples), is_cut=is_cut)


@dataclass(frozen=True, slots=True)
class _Columns:
    """Past alerts without their kinds, and an alert of each; the `fitting` newest ones are of few enough kinds."""

    history: AlertHistory
    examples: list[int]
    fitting: int


async def _columns(tx: Reads, since: datetime, limit: int, labels: Sequence[str] | None) -> _Columns:
    if labels is None:
        seen = "labels, title"
    else:
        seen = ", ".join(f"labels ->> ${number}::text" for number in range(6, 6 + len(labels)))
        seen += ", title" if "title" in labels else ""
    row = await tx.row(
        f"""
        select
            coalesce(sum(count), 0)::bigint as events,
            string_agg(int8send(id), ''::bytea order by id desc) as ids,
            string_agg(int8send(coalesce(group_id, 0)), ''::bytea order by id desc) as groups,
            string_agg(timestamptz_send(starts_at), ''::bytea order by id desc) as starts,
            string_agg(timestamptz_send(coalesce(ends_at, 'infinity')), ''::bytea order by id desc) as ends,
            string_agg(
                int8send(
                    hash_record_extended(
                        row(
                            integration_id,
                            routed_service_id,
                            severity,
                            case when dedup_key = any($3) or starts_with(dedup_key, $4) then dedup_key end,
                            {seen}
                        ),
                        0
                    )
                ),
                ''::bytea
                order by id desc
            ) as hashes
        from (
            select *
            from alert
            order by id desc
            limit $2
        ) newest
        where starts_at >= $1
            and not starts_with(dedup_key, $5)
        """,
        since,
        limit,
        [SOURCE_SILENT_KEY, OVERFLOW_KEY],
        HEARTBEAT_KEY_PREFIX,
        TEST_KEY_PREFIX,
        *map(storable_text, labels or ()),
    )
    assert row is not None
    return await compute(lambda: _converted(row))


def _converted(row: asyncpg.Record) -> _Columns:
    names = ("ids", "groups", "starts", "ends", "hashes")
    ids, groups, starts, ends, hashes = (_integers(row[name]) for name in names)
    numbers: dict[int, int] = {}
    kind_of = array("q", [numbers.setdefault(each, len(numbers)) for each in hashes])
    first_ids = dict(zip(reversed(kind_of), reversed(ids), strict=True))
    examples = [first_ids[number] for number in range(len(numbers))]
    history = AlertHistory((), ids, kind_of, groups, starts, ends, row["events"])
    return _Columns(history, examples, _fitting(kind_of, len(numbers)))


def _fitting(kind_of: Sequence[int], kinds: int) -> int:
    """Return how many of the newest alerts, which come last, are of at most `MAX_KINDS` kinds."""
    if kinds > MAX_KINDS:
        known: set[int] = set()
        for number, kind in enumerate(reversed(kind_of)):
            known.add(kind)
            if len(known) > MAX_KINDS:
                return number
    return len(kind_of)


def _integers(column: bytes | None) -> "array[int]":
    """Return a column of the database's 64-bit integers, newest alert first there, oldest first here."""
    integers = array("q", column or b"")
    if sys.byteorder == "little":
        integers.byteswap()
    integers.reverse()
    return integers


async def _kinds(tx: Reads, ids: Sequence[int]) -> list[AlertKind]:
    """Return the kinds of alerts, of each the one with an id."""
    rows = await tx.fetch(
        """
        select
            alert.id, alert.integration_id, integration.service_id, alert.dedup_key, alert.title, alert.severity,
            alert.labels, alert.routed_service_id
        from alert
        join integration on integration.id = alert.integration_id
        where alert.id = any($1::bigint[])
        """,
        list(ids),
    )
    fields = ("integration_id", "service_id", "dedup_key", "title", "severity", "labels", "routed_service_id")
    kinds = {row["id"]: AlertKind(**{name: row[name] for name in fields}) for row in rows}
    return [kinds[id_] for id_ in ids]
