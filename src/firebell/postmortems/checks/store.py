"""The SQL of the process checks of post-mortems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.postmortems.checks.content_checks import KnownWaiver
from firebell.postmortems.store import FIRST_PUBLISHED_AT


@dataclass(frozen=True, slots=True)
class CheckedDocument:
    """What the checks read of a post-mortem; a revision of a published one counts as
    published, and `body` is empty then."""

    id: int
    incident_id: int
    state: str
    due_at: datetime
    author_id: int | None
    published_at: datetime | None
    body: str
    written_at: datetime | None
    override: str
    """Who approved it although they wrote part of it, and why."""


async def documents(tx: Tx, incident_ids: Sequence[int]) -> dict[int, CheckedDocument]:
    """Return the post-mortems of incidents, by incident id."""
    rows = await tx.fetch(
        f"""
        select
            postmortem.id,
            about.incident_id,
            case when postmortem.published_version is null then postmortem.state else 'published' end as state,
            postmortem.due_at,
            postmortem.author_id,
            {FIRST_PUBLISHED_AT} as published_at,
            case
                when postmortem.published_version is null and postmortem.state <> 'withdrawn' then postmortem.body
                else ''
            end as body,
            (
                select min(version.at)
                from postmortem_version version
                where version.postmortem_id = postmortem.id
                    and version.by_id is not null
            ) as written_at,
            coalesce(
                (
                    select review.actor || ': ' || review.override_reason
                    from postmortem_review review
                    where review.postmortem_id = postmortem.id
                        and review.version_n = postmortem.approved_version
                        and review.verdict = 'approve'
                        and review.override_reason <> ''
                    order by review.id desc
                    limit 1
                ),
                ''
            ) as override
        from (
            select incident_id, id as postmortem_id
            from postmortem
            where incident_id = any($1::bigint[])
            union all
            select incident_id, postmortem_id
            from postmortem_incident
            where incident_id = any($1::bigint[])
                and not is_main
        ) about
        join postmortem on postmortem.id = about.postmortem_id
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: CheckedDocument(**dict(row)) for row in rows}


async def waivers(tx: Tx, postmortem_ids: Sequence[int]) -> dict[int, list[KnownWaiver]]:
    """Return the sentences that people keep with a reason, by post-mortem id."""
    rows = await tx.fetch(
        """
        select postmortem_id, waives, quote
        from postmortem_comment
        where postmortem_id = any($1::bigint[])
            and waives <> ''
        order by id
        """,
        list(postmortem_ids),
    )
    result: dict[int, list[KnownWaiver]] = {postmortem_id: [] for postmortem_id in postmortem_ids}
    for row in rows:
        result[row["postmortem_id"]].append(KnownWaiver(row["waives"], row["quote"]))
    return result
