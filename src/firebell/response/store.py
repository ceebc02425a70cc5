"""The SQL of response settings, and of the responses of incidents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.response.model import (
    AppliedVersion,
    ExpertiseRequest,
    IncidentResponse,
    ResponsePage,
    ResponsePost,
    StepState,
)

_INCIDENT = (
    "incident_id, version, provisional, confirmed_at, reopened_at, customers_at, customers_promised_until"
)


async def lock_settings(tx: Tx) -> None:
    """Serialize changes of the settings until the end of the transaction."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('response_settings', 0))")


async def latest(tx: Tx) -> tuple[AppliedVersion, dict[str, Any]] | None:
    """Return the version in force with its document, None for the shipped one."""
    row = await tx.row(
        """
        select version, document, applied_at, actor
        from response_version
        order by version desc
        limit 1
        """
    )
    return (AppliedVersion(row["version"], row["applied_at"], row["actor"]), row["document"]) if row else None


async def documents(tx: Tx, versions: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the documents of versions."""
    rows = await tx.fetch(
        """
        select version, document
        from response_version
        where version = any($1::int[])
        """,
        list(versions),
    )
    return {row["version"]: row["document"] for row in rows}


async def add_version(
    tx: Tx, version: int, document: dict[str, Any], person_id: int | None, actor: str, now: datetime
) -> None:
    await tx.execute(
        """
        insert into response_version (version, document, applied_at, applied_by, actor)
        values ($1, $2, $3, $4, $5)
        """,
        version,
        document,
        now,
        person_id,
        actor,
    )


async def draft(tx: Tx) -> dict[str, Any] | None:
    """Return the changes that are not applied yet as a document, None without any."""
    document: dict[str, Any] | None = await tx.value("select document from response_draft")
    return document


async def save_draft(tx: Tx, document: dict[str, Any], person_id: int | None, now: datetime) -> None:
    await tx.execute(
        """
        insert into response_draft (document, updated_at, updated_by)
        values ($1, $2, $3)
        on conflict (id) do update
        set document = excluded.document,
            updated_at = excluded.updated_at,
            updated_by = excluded.updated_by
        """,
        document,
        now,
        person_id,
    )


async def delete_draft(tx: Tx) -> None:
    await tx.execute("delete from response_draft")


async def begin(tx: Tx, incident_id: int, version: int, *, provisional: bool) -> None:
    """Start the response of an incident. Idempotent."""
    await tx.execute(
        """
        insert into response_incident (incident_id, version, provisional)
        values ($1, $2, $3)
        on conflict do nothing
        """,
        incident_id,
        version,
        provisional,
    )


async def responses(tx: Tx, incident_ids: Sequence[int]) -> dict[int, IncidentResponse]:
    """Return the responses of those incidents that have one."""
    rows = await tx.fetch(
        f"""
        select {_INCIDENT}
        from response_incident
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: IncidentResponse(**dict(row)) for row in rows}


async def confirm(tx: Tx, incident_id: int, now: datetime) -> None:
    """Record when the severity was first confirmed."""
    await tx.execute(
        """
        update response_incident
        set confirmed_at = $2
        where incident_id = $1
            and confirmed_at is null
        """,
        incident_id,
        now,
    )


async def reopen(tx: Tx, incident_id: int, now: datetime) -> None:
    """Record when an incident was reopened: everyone can be paged again."""
    await tx.execute(
        """
        update response_incident
        set reopened_at = $2
        where incident_id = $1
        """,
        incident_id,
        now,
    )


async def set_customers(
    tx: Tx, incident_id: int, informed_at: datetime | None, promised_until: datetime | None
) -> None:
    """Record when customers were informed last, and until when the next update is promised."""
    await tx.execute(
        """
        update response_incident
        set customers_at = $2,
            customers_promised_until = $3
        where incident_id = $1
        """,
        incident_id,
        informed_at,
        promised_until,
    )


async def step_states(tx: Tx, incident_ids: Sequence[int]) -> dict[int, dict[str, StepState]]:
    """Return what happened to the steps of each incident, by key."""
    rows = await tx.fetch(
        """
        select incident_id, key, asked_at, not_before, acted_at, actor, reason
        from response_step
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    states: dict[int, dict[str, StepState]] = {incident_id: {} for incident_id in incident_ids}
    for row in rows:
        values = dict(row)
        incident_id, key = values.pop("incident_id"), values.pop("key")
        states[incident_id][key] = StepState(**values)
    return states


async def save_step(tx: Tx, incident_id: int, key: str, state: StepState) -> None:
    await tx.execute(
        """
        insert into response_step (incident_id, key, asked_at, not_before, acted_at, actor, reason)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (incident_id, key) do update
        set asked_at = excluded.asked_at,
            not_before = excluded.not_before,
            acted_at = excluded.acted_at,
            actor = excluded.actor,
            reason = excluded.reason
        """,
        incident_id,
        key,
        state.asked_at,
        state.not_before,
        state.acted_at,
        state.actor,
        state.reason,
    )


async def pages(tx: Tx, incident_id: int) -> list[ResponsePage]:
    """Return the pages of a response, oldest first."""
    rows = await tx.fetch(
        """
        select page_id, who, target, person_ids
        from response_page
        where incident_id = $1
        order by page_id
        """,
        incident_id,
    )
    return [ResponsePage(row["page_id"], row["who"], row["target"], tuple(row["person_ids"])) for row in rows]


async def add_page(tx: Tx, incident_id: int, page: ResponsePage) -> None:
    await tx.execute(
        """
        insert into response_page (incident_id, page_id, who, target, person_ids)
        values ($1, $2, $3, $4, $5)
        """,
        incident_id,
        page.page_id,
        page.who,
        page.target,
        list(page.person_ids),
    )


async def add_post(
    tx: Tx, incident_id: int, account_id: int, channel: str, reason: str, now: datetime
) -> None:
    await tx.execute(
        """
        insert into response_post (incident_id, account_id, channel, reason, requested_at)
        values ($1, $2, $3, $4, $5)
        """,
        incident_id,
        account_id,
        channel,
        reason,
        now,
    )


async def posts(tx: Tx, incident_id: int, account_id: int) -> list[ResponsePost]:
    """Return the messages that steps asked for in the channels of one chat account, oldest first."""
    rows = await tx.fetch(
        """
        select id, account_id, channel, reason
        from response_post
        where incident_id = $1
            and account_id = $2
        order by id
        """,
        incident_id,
        account_id,
    )
    return [ResponsePost(**dict(row)) for row in rows]


async def channels(tx: Tx) -> list[tuple[int, str, str, str]]:
    """Return the channels of connected chats as (account, kind of chat, channel, label)."""
    rows = await tx.fetch(
        """
        select account_id, kind, channel, label
        from chat_channel
        order by account_id, label, channel
        """
    )
    return [(row["account_id"], row["kind"], row["channel"], row["label"]) for row in rows]


async def add_request(
    tx: Tx, incident_id: int, need: str, person_id: int | None, now: datetime
) -> ExpertiseRequest:
    row = await tx.row(
        """
        insert into expertise_request (incident_id, need, requested_at, requested_by)
        values ($1, $2, $3, $4)
        returning id, need, requested_at, answered_at
        """,
        incident_id,
        need,
        now,
        person_id,
    )
    assert row
    return ExpertiseRequest(**dict(row))


async def requests(tx: Tx, incident_id: int) -> list[ExpertiseRequest]:
    """Return the requests for expertise of an incident, oldest first."""
    rows = await tx.fetch(
        """
        select id, need, requested_at, answered_at
        from expertise_request
        where incident_id = $1
        order by id
        """,
        incident_id,
    )
    return [ExpertiseRequest(**dict(row)) for row in rows]


async def move_open_requests(tx: Tx, incident_id: int, into_id: int) -> None:
    """Give the open requests for expertise of a merged incident to the one that it was merged into."""
    await tx.execute(
        """
        update expertise_request
        set incident_id = $2
        where incident_id = $1
            and answered_at is null
        """,
        incident_id,
        into_id,
    )


async def answer_requests(tx: Tx, incident_id: int, now: datetime) -> None:
    """Record that an expert joined, which answers the open requests."""
    await tx.execute(
        """
        update expertise_request
        set answered_at = $2
        where incident_id = $1
            and answered_at is null
        """,
        incident_id,
        now,
    )
