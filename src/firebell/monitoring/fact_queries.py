"""Reads what metrics know, for Prometheus."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from firebell.action_items import queries as action_items
from firebell.kit import private_reader
from firebell.kit.db.database import Reads, Row
from firebell.monitoring import fact_store, integration_store
from firebell.monitoring.model import (
    ACKNOWLEDGE_BOUNDS_S,
    DURATION_BOUNDS_S,
    BucketCounts,
    FactReadings,
)
from firebell.monitoring.team_labels import add_up, label, labels
from firebell.self_watch import queries as self_watch

K = TypeVar("K")


async def fact_readings(tx: Reads, settings: Mapping[str, str], now: datetime) -> FactReadings:
    """Return what metrics know at `now`, given the settings of the channels."""
    of_team = labels(await fact_store.teams(tx))
    pages = await fact_store.pages(tx)
    waiting = await fact_store.waiting_pages(tx)
    incidents = await fact_store.incidents(tx)
    items = await fact_store.items(tx, now)
    with private_reader.as_reader(private_reader.NO_ONE):
        completion = await action_items.completion_by_team(tx, now.astimezone(UTC).date())

    def team(row: Row) -> str:
        return label(of_team, row["team_id"])

    done = add_up((label(of_team, team_id), one.done) for team_id, one in completion.items())
    due = add_up((label(of_team, team_id), one.due) for team_id, one in completion.items())
    return FactReadings(
        teams=sorted({*of_team.values()}),
        pages=add_up(((team(p), p["urgency"], _severity(p["severity"])), p["pages"]) for p in pages),
        night_pages=add_up((team(p), p["nights"]) for p in pages),
        acknowledged=_histograms(
            (
                (_severity(p["severity"]), p["bucket"], p["acknowledged"], p["total_s"])
                for p in pages
                if p["urgency"] == "high" and p["bucket"] is not None
            ),
            ACKNOWLEDGE_BOUNDS_S,
        ),
        unacknowledged=add_up((team(p), p["pages"]) for p in waiting),
        exhausted=add_up((team(p), p["exhausted"]) for p in waiting),
        declared=add_up(((_severity(i["severity"]), team(i)), i["declared"]) for i in incidents),
        reopened=add_up(((_severity(i["severity"]), team(i)), i["reopened"]) for i in incidents),
        durations=_histograms(
            (
                ((d["metric"], _severity(d["severity"])), d["bucket"], d["incidents"], d["total_s"])
                for d in await fact_store.durations(tx)
            ),
            DURATION_BOUNDS_S,
        ),
        overdue_postmortems=add_up(
            (team(row), row["overdue"]) for row in await fact_store.overdue_postmortems(tx, now)
        ),
        items=add_up(((team(i), i["state"], str(i["priority"])), i["items"]) for i in items),
        overdue_items=add_up((team(i), i["overdue"]) for i in items),
        completion={name: done[name] / n for name, n in due.items() if n},
        readiness=await fact_store.readiness(tx),
        runbook_runs={row["state"]: row["runs"] for row in await fact_store.runbook_runs(tx)},
        findings=await self_watch.finding_counts(tx, settings, now),
        integrations=await integration_store.integrations(tx, now),
    )


def _severity(severity: int | None) -> str:
    return "none" if severity is None else f"SEV{severity}"


def _histograms(rows: Iterable[tuple[K, int, int, int]], bounds: Sequence[int]) -> dict[K, BucketCounts]:
    """Return the histogram of each key, given (key, number of the bucket, values in it, their sum)."""
    counts: dict[K, list[int]] = {}
    totals: dict[K, int] = {}
    for key, bucket, values, total in rows:
        counts.setdefault(key, [0] * (len(bounds) + 1))[bucket] += values
        totals[key] = totals.get(key, 0) + total
    return {key: BucketCounts(each, totals[key]) for key, each in counts.items()}
