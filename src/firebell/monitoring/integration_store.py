"""The SQL of how well chats, trackers and runbooks follow, for Prometheus; read once in a minute at most."""

from datetime import datetime

from firebell.kit.db.database import Reads
from firebell.monitoring.model import LABELED_MAX, IntegrationReadings
from firebell.runbooks.automation import EXERCISED_WITHIN
from firebell.webhooks.model import RESTS_AFTER


async def integrations(tx: Reads, now: datetime) -> IntegrationReadings:
    """Return how far chats and trackers are behind, and the state of the organization's runbooks."""
    trackers = await tx.fetch(
        """
        select id, coalesce(last_ok_at, created_at) as synced_at
        from tracker
        where is_enabled
        order by id
        limit $1
        """,
        LABELED_MAX,
    )
    chats = await tx.fetch(
        """
        select
            account.id,
            (
                select min(due_at)
                from chat_want
                where chat_want.account_id = account.id
                    and due_at <= $1
            ) as waiting_since,
            (
                select count(*)
                from chat_object
                where chat_object.account_id = account.id
                    and state = 'dead'
            ) as dead
        from chat_account account
        where account.paused_at is null
        order by account.id
        limit $2
        """,
        now,
        LABELED_MAX,
    )
    runbooks = await tx.fetch(
        """
        select
            case
                when runbook.errors > 0 then 'broken'
                when exercise.at is null or exercise.at < $1 then 'untested'
                else 'ok'
            end as state,
            count(*) as runbooks
        from runbook
        left join lateral (
            select ended_at as at
            from runbook_run
            where runbook_run.slug = runbook.slug
                and is_exercise
            order by ended_at desc
            limit 1
        ) exercise on true
        where runbook.archived_at is null
            and runbook.body is not null
        group by 1
        """,
        now - EXERCISED_WITHIN,
    )
    webhooks = await tx.fetch(
        """
        select
            case when state = 'active' and failures >= $1 then 'failing' else state end as state,
            count(*) as endpoints
        from webhook_endpoint
        where deleted_at is null
        group by 1
        """,
        RESTS_AFTER,
    )
    waiting_since: datetime | None = await tx.value(
        """
        select least(
            min(first.created_at),
            (select at from webhook_change where dead_at is null order by id limit 1)
        )
        from webhook_endpoint endpoint
        cross join lateral (
            select created_at
            from webhook_delivery
            where endpoint_id = endpoint.id
                and state = 'queued'
            order by next_at, id
            limit 1
        ) first
        where endpoint.state = 'active'
        """
    )
    dead: int = await tx.value("select count(*) from webhook_change where dead_at is not null")
    failing: int = await tx.value("select count(*) from runbook_source where last_error <> ''")
    return IntegrationReadings(
        tracker_lag_s={str(row["id"]): _age_s(row["synced_at"], now) for row in trackers},
        chat_lag_s={str(row["id"]): _age_s(row["waiting_since"] or now, now) for row in chats},
        chat_dead={str(row["id"]): row["dead"] for row in chats},
        runbooks={"ok": 0, "untested": 0, "broken": 0, **{row["state"]: row["runbooks"] for row in runbooks}},
        webhooks={
            **dict.fromkeys(("active", "failing", "paused", "disabled"), 0),
            **{row["state"]: row["endpoints"] for row in webhooks},
        },
        webhook_lag_s=_age_s(waiting_since or now, now),
        webhook_dead_changes=dead,
        failing_sources=failing,
    )


def _age_s(since: datetime, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds())
