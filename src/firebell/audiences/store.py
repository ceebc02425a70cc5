"""The SQL of the audiences, of what incidents follow from them, and of posts."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.audiences.clocks import SeverityStep
from firebell.audiences.model import (
    AudiencePost,
    DeliveryState,
    EntryFact,
    Moment,
    Occasion,
    SentText,
    SettingsVersion,
)
from firebell.kit.db.database import Tx


async def lock_settings(tx: Tx) -> None:
    """Serialize changes of the audiences until the end of the transaction."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended('audience_settings', 0))")


async def latest(tx: Tx) -> tuple[SettingsVersion, dict[str, Any]] | None:
    """Return the version in force with its document, None for the shipped one."""
    row = await tx.row(
        """
        select version, document, applied_at, actor
        from audience_version
        order by version desc
        limit 1
        """
    )
    if row is None:
        return None
    return SettingsVersion(row["version"], row["applied_at"], row["actor"]), row["document"]


async def documents(tx: Tx, versions: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Return the documents of versions."""
    rows = await tx.fetch(
        """
        select version, document
        from audience_version
        where version = any($1::int[])
        """,
        list(versions),
    )
    return {row["version"]: row["document"] for row in rows}


async def documents_with(tx: Tx, member: str) -> dict[int, dict[str, Any]]:
    """Return the documents of the versions in which an audience has a member."""
    rows = await tx.fetch(
        """
        select version, document
        from audience_version
        where document @> jsonb_build_object(
            'audiences', jsonb_build_array(jsonb_build_object('members', jsonb_build_array($1::text)))
        )
        order by version
        """,
        member,
    )
    return {row["version"]: row["document"] for row in rows}


async def replace_document(tx: Tx, version: int, document: dict[str, Any]) -> None:
    """Replace the document of a version, from which an address was erased."""
    await tx.execute(
        """
        update audience_version
        set document = $2
        where version = $1
        """,
        version,
        document,
    )


async def versions(tx: Tx, limit: int) -> list[SettingsVersion]:
    """Return the latest versions, newest first."""
    rows = await tx.fetch(
        """
        select version, applied_at, actor
        from audience_version
        order by version desc
        limit $1
        """,
        limit,
    )
    return [SettingsVersion(**dict(row)) for row in rows]


async def add_version(
    tx: Tx, version: int, document: dict[str, Any], person_id: int | None, actor: str, now: datetime
) -> None:
    """Put a version in force."""
    await tx.execute(
        """
        insert into audience_version (version, document, applied_at, applied_by, actor)
        values ($1, $2, $3, $4, $5)
        """,
        version,
        document,
        now,
        person_id,
        actor,
    )


async def begin(tx: Tx, incident_id: int, version: int) -> None:
    """Record the version that an incident was declared under, unless it has one."""
    await tx.execute(
        """
        insert into audience_incident (incident_id, version)
        values ($1, $2)
        on conflict do nothing
        """,
        incident_id,
        version,
    )


async def incident_versions(tx: Tx, incident_ids: Sequence[int]) -> dict[int, int]:
    """Return the version that each incident was declared under; none for those without clocks."""
    rows = await tx.fetch(
        """
        select incident_id, version
        from audience_incident
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: row["version"] for row in rows}


FACT_KINDS = ("declared", "severity", "decision", "public", "update", "customer_mail", "phase")


async def entry_facts(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[EntryFact]]:
    """Return the entries that audience clocks follow from, oldest first."""
    rows = await tx.fetch(
        """
        select incident_id, id, kind, effective_at, data
        from timeline_entry
        where incident_id = any($1::bigint[])
            and kind = any($2::text[])
        order by effective_at, id
        """,
        list(incident_ids),
        list(FACT_KINDS),
    )
    entries: dict[int, list[EntryFact]] = {i: [] for i in incident_ids}
    for row in rows:
        entries[row["incident_id"]].append((row["id"], row["kind"], row["effective_at"], row["data"]))
    return entries


def severity_steps(entries: Sequence[EntryFact]) -> tuple[SeverityStep, ...]:
    """Return the changes of the severity among entries."""
    return tuple(
        SeverityStep(at, data["from"], data["to"])
        for _, kind, at, data in entries
        if kind == "severity" and isinstance(data.get("from"), int) and isinstance(data.get("to"), int)
    )


_OCCASION_KINDS = {
    "decision": Occasion.DECISION,
    "severity": Occasion.SEVERITY,
    "public": Occasion.PUBLIC,
}


def occasions(entries: Sequence[EntryFact]) -> tuple[tuple[datetime, Occasion], ...]:
    """Return what happened that makes posts due."""
    return tuple((at, _OCCASION_KINDS[kind]) for _, kind, at, _ in entries if kind in _OCCASION_KINDS)


async def insert_post(
    tx: Tx,
    incident_id: int,
    moment: Moment,
    key: str,
    actor: str,
    actor_id: int | None,
    now: datetime,
    *,
    is_drill: bool,
) -> int | None:
    """Add a post and return its id, None if the incident has one with this key."""
    post_id = await tx.value(
        """
        insert into audience_post (incident_id, moment, key, is_drill, created_at, actor, actor_id)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (incident_id, key) do nothing
        returning id
        """,
        incident_id,
        moment,
        key,
        is_drill,
        now,
        actor,
        actor_id,
    )
    assert post_id is None or isinstance(post_id, int)
    return post_id


async def insert_text(
    tx: Tx,
    post_id: int,
    audience: str,
    name: str,
    subject: str,
    body: str,
    recipients: int,
    *,
    is_external: bool,
    translations: Mapping[str, str],
) -> int:
    """Add the text of a post for one audience and return its id."""
    text_id = await tx.value(
        """
        insert into audience_text (
            post_id, audience, name, is_external, subject, body, recipients, translations
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        returning id
        """,
        post_id,
        audience,
        name,
        is_external,
        subject,
        body,
        recipients,
        dict(translations),
    )
    assert isinstance(text_id, int)
    return text_id


_POST = "post.id, post.incident_id, post.moment, post.is_drill, post.created_at, post.recalled_at, post.actor"


async def posts(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[AudiencePost]]:
    """Return the posts of each incident with the number of their messages by state, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_POST}
        from audience_post as post
        where post.incident_id = any($1::bigint[])
        order by post.created_at, post.id
        """,
        list(incident_ids),
    )
    texts = await _texts(tx, [row["id"] for row in rows])
    listed: dict[int, list[AudiencePost]] = {i: [] for i in incident_ids}
    for row in rows:
        values = {**dict(row), "moment": Moment(row["moment"]), "texts": tuple(texts.get(row["id"], ()))}
        listed[row["incident_id"]].append(AudiencePost(**values))
    return listed


async def post_by_key(tx: Tx, incident_id: int, key: str) -> int | None:
    """Return the id of the post of an incident with this key."""
    post_id = await tx.value(
        """
        select id
        from audience_post
        where incident_id = $1
            and key = $2
        """,
        incident_id,
        key,
    )
    assert post_id is None or isinstance(post_id, int)
    return post_id


async def _texts(tx: Tx, post_ids: Sequence[int]) -> dict[int, list[SentText]]:
    rows = await tx.fetch(
        """
        select
            sent.id,
            sent.post_id,
            sent.audience,
            sent.name,
            sent.is_external,
            sent.subject,
            sent.body,
            sent.recipients,
            count(delivery.id) filter (where delivery.state = 'queued') as queued,
            count(delivery.id) filter (where delivery.state = 'sent') as sent,
            count(delivery.id) filter (where delivery.state = 'failed') as failed,
            count(delivery.id) filter (where delivery.state = 'void') as void
        from audience_text as sent
        left join audience_delivery as delivery on delivery.text_id = sent.id
        where sent.post_id = any($1::bigint[])
        group by sent.id
        order by sent.id
        """,
        list(post_ids),
    )
    texts: dict[int, list[SentText]] = {}
    for row in rows:
        values = dict(row)
        states = {state: values.pop(state) for state in DeliveryState}
        texts.setdefault(values.pop("post_id"), []).append(SentText(**values, states=states))
    return texts


async def recall(tx: Tx, post_id: int, now: datetime) -> None:
    """Record that a post was recalled."""
    await tx.execute("update audience_post set recalled_at = $2 where id = $1", post_id, now)


async def public_cause(tx: Tx, incident_id: int) -> str:
    """Return the cause as it was published: the text of the latest update in the stage identified, or empty."""
    text = await tx.value(
        """
        select version.body
        from public_incident
        join public_update on public_update.public_incident_id = public_incident.id
        join public_update_version as version on version.update_id = public_update.id
        where public_incident.incident_id = $1
            and public_update.stage = 'identified'
        order by public_update.id desc, version.version desc
        limit 1
        """,
        incident_id,
    )
    return str(text or "")


async def subscriber_mails(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[datetime]]:
    """Return when updates of these incidents were mailed to the subscribers of status pages."""
    rows = await tx.fetch(
        """
        select public_incident.incident_id, public_update.mailed_at
        from public_incident
        join public_update on public_update.public_incident_id = public_incident.id
        where public_incident.incident_id = any($1::bigint[])
            and public_update.mailed_at is not null
        """,
        list(incident_ids),
    )
    mails: dict[int, list[datetime]] = {i: [] for i in incident_ids}
    for row in rows:
        mails[row["incident_id"]].append(row["mailed_at"])
    return mails


async def public_promise(tx: Tx, incident_id: int) -> tuple[str, str, datetime | None] | None:
    """Return the slug of the first status page with an incident, its id there, and when the next update is due."""
    row = await tx.row(
        """
        select status_page.slug, public_incident.public_id, public_update.next_update_at
        from public_incident
        join status_page on status_page.id = public_incident.status_page_id
        join public_update on public_update.public_incident_id = public_incident.id
        where public_incident.incident_id = $1
        order by public_incident.resolved_at is not null, public_incident.id, public_update.seq desc
        limit 1
        """,
        incident_id,
    )
    return (row["slug"], row["public_id"], row["next_update_at"]) if row else None
