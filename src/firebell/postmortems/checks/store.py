"""The SQL of the process checks of post-mortems."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.postmortems.checks.content_checks import KnownWaiver


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
        """
        select
            document.id,
            about.incident_id,
            case when document.published_version is null then document.state else 'published' end as state,
            document.due_at,
            document.author_id,
            document.first_published_at as published_at,
            case
                when document.published_version is null and document.state <> 'withdrawn' then document.body
                else ''
            end as body,
            (
                select min(version.at)
                from postmortem_version version
                where version.postmortem_id = document.id
                    and version.by_id is not null
            ) as written_at,
            coalesce(
                (
                    select review.actor || ': ' || review.override_reason
                    from postmortem_review review
                    where review.postmortem_id = document.id
                        and review.version_n = document.approved_version
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
        join postmortem document on document.id = about.postmortem_id
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
