"""The SQL that finds what references lead to; what belongs to a hidden incident is not there."""

from collections.abc import Sequence

from firebell.kit.db.database import Reads, Row
from firebell.kit.truncation import cut
from firebell.postmortems.document.evidence import EvidenceKind, EvidenceRef
from firebell.postmortems.document.evidence_links import EvidenceLink

_LABEL_CHARS = 160


async def links(
    tx: Reads, refs: Sequence[EvidenceRef], hidden: Sequence[int]
) -> dict[EvidenceRef, EvidenceLink]:
    """Return where references lead; those that lead nowhere, or to one of the incidents `hidden`, are absent."""
    steps = [ref for ref in refs if ref.kind is EvidenceKind.RUN_STEP]
    rows = await tx.fetch(
        """
        select 't' as kind, entry.id as number, 0 as step, entry.actor || ': ' || entry.text as label,
            '/incidents/INC-' || entry.incident_id || '#e-' || entry.id as href
        from timeline_entry entry
        where entry.id = any($1::bigint[])
            and entry.incident_id <> all($6::bigint[])
        union all
        select 'p', page.id, 0, 'PG-' || page.id || ', ' || page.title, '/pages/PG-' || page.id
        from page
        where page.id = any($2::bigint[])
        union all
        select 'a', alert.id, 0, alert.title, '/alerts/' || alert.id
        from alert
        where alert.id = any($3::bigint[])
        union all
        select 'c', change_event.id, 0, change_event.summary, '/services/' || service.slug
        from change_event
        join service on service.id = change_event.service_id
        where change_event.id = any($4::bigint[])
        union all
        select 's', post.id, 0, post.page_name || ', ' || post.stage, '/incidents/INC-' || post.incident_id
        from incident_status_post post
        where post.id = any($5::bigint[])
            and post.incident_id <> all($6::bigint[])
        union all
        select 'r', run.id, step.place + 1, run.title || ', ' || step.title,
            '/runbooks/runs/RUN-' || run.id || '#s-' || step.part || '-' || step.position
        from unnest($7::bigint[], $8::int[]) as wanted (run_id, number)
        join runbook_run run on run.id = wanted.run_id
        join runbook_step step on step.run_id = run.id
            and step.place = wanted.number - 1
        where run.incident_id is null
            or run.incident_id <> all($6::bigint[])
        """,
        *[
            [ref.number for ref in refs if ref.kind is kind]
            for kind in (
                EvidenceKind.ENTRY,
                EvidenceKind.PAGE,
                EvidenceKind.ALERT,
                EvidenceKind.CHANGE,
                EvidenceKind.STATUS_POST,
            )
        ],
        list(hidden),
        [ref.number for ref in steps],
        [ref.step for ref in steps],
    )
    return dict(map(_link, rows))


def _link(row: Row) -> tuple[EvidenceRef, EvidenceLink]:
    label = " ".join(row["label"].split())
    ref = EvidenceRef(EvidenceKind(row["kind"]), row["number"], row["step"])
    return ref, EvidenceLink(row["href"], cut(label, _LABEL_CHARS))
