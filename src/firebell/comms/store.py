"""The SQL of posts, their deliveries and approvals."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.comms.model import (
    Approval,
    ApproverAnswer,
    CommsPost,
    PostContent,
    PostDelivery,
    PostState,
    SendState,
)
from firebell.comms.tone.model import ReaderKind
from firebell.kit.db.database import Reads, Row, Tx

_COLUMNS = (
    "id, incident_id, seq, state, author_id, author, headline, bodies, stage, statuses, targets, next_update_at,"
    " eta_at, translations, mail_subject, is_quiet, findings, reason, body_sha256, created_at, updated_at,"
    " published_at"
)


def _post(row: Row, deliveries: Sequence[PostDelivery] = (), approvals: Sequence[Approval] = ()) -> CommsPost:
    content = PostContent(
        {ReaderKind(reader): text for reader, text in row["bodies"].items()},
        tuple(row["targets"]),
        row["stage"],
        {int(component_id): code for component_id, code in row["statuses"].items()},
        row["next_update_at"],
        row["headline"],
        row["reason"],
        row["eta_at"],
        row["translations"],
        row["mail_subject"],
        row["is_quiet"],
    )
    return CommsPost(
        row["id"],
        row["incident_id"],
        row["seq"],
        PostState(row["state"]),
        row["author_id"],
        row["author"],
        content,
        row["body_sha256"],
        row["created_at"],
        row["updated_at"],
        row["published_at"],
        tuple(deliveries),
        tuple(approvals),
    )


def _delivery(row: Row) -> PostDelivery:
    return PostDelivery(
        row["target"],
        row["label"],
        SendState(row["state"]),
        tuple(row["removed"]),
        row["reference"],
        row["error"],
        row["sent_at"],
    )


def _approval(row: Row) -> Approval:
    return Approval(
        row["id"],
        row["rule"],
        row["role"],
        tuple(row["asked_ids"]),
        row["asked_at"],
        row["due_at"],
        ApproverAnswer(row["answer"]) if row["answer"] else None,
        row["answered_by"],
        row["answered_label"],
        row["answered_at"],
        row["answered_sha256"],
        row["note"],
    )


async def _with_parts(tx: Reads, rows: Sequence[Row]) -> list[CommsPost]:
    ids = [row["id"] for row in rows]
    deliveries: dict[int, list[PostDelivery]] = {post_id: [] for post_id in ids}
    approvals: dict[int, list[Approval]] = {post_id: [] for post_id in ids}
    for row in await tx.fetch(
        """
        select post_id, target, label, state, removed, reference, error, sent_at
        from comms_delivery
        where post_id = any($1::bigint[])
        order by post_id, position
        """,
        ids,
    ):
        deliveries[row["post_id"]].append(_delivery(row))
    for row in await tx.fetch(
        """
        select
            id, post_id, rule, role, asked_ids, asked_at, due_at, answer, answered_by, answered_label,
            answered_at, answered_sha256, note
        from comms_approval
        where post_id = any($1::bigint[])
        order by post_id, id
        """,
        ids,
    ):
        approvals[row["post_id"]].append(_approval(row))
    return [_post(row, deliveries[row["id"]], approvals[row["id"]]) for row in rows]


async def last_seq(tx: Reads, incident_id: int) -> int:
    """Return the number of what was saved last about an incident, 0 if nothing was."""
    seq = await tx.value(
        """
        select coalesce(max(seq), 0)
        from comms_post
        where incident_id = $1
        """,
        incident_id,
    )
    assert isinstance(seq, int)
    return seq


async def posts(tx: Reads, incident_id: int, limit: int, before: int | None = None) -> list[CommsPost]:
    """Return the posts about an incident, newest first, without its draft; with ids below `before`."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from comms_post
        where incident_id = $1
            and state <> 'draft'
            and ($3::bigint is null or id < $3)
        order by id desc
        limit $2
        """,
        incident_id,
        limit,
        before,
    )
    return await _with_parts(tx, rows)


async def draft(tx: Reads, incident_id: int) -> CommsPost | None:
    """Return the draft of an incident, or None."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from comms_post
        where incident_id = $1
            and state = 'draft'
        """,
        incident_id,
    )
    return _post(row) if row else None


async def latest(tx: Reads, incident_id: int) -> CommsPost | None:
    """Return what was saved last about an incident, its draft included; None if nothing was."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from comms_post
        where incident_id = $1
        order by seq desc
        limit 1
        """,
        incident_id,
    )
    return (await _with_parts(tx, rows))[0] if rows else None


async def post(tx: Reads, post_id: int) -> CommsPost | None:
    """Return a post, None if there is none."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from comms_post
        where id = $1
        """,
        post_id,
    )
    return (await _with_parts(tx, rows))[0] if rows else None


async def waiting_posts(tx: Reads, incident_id: int) -> list[CommsPost]:
    """Return the posts about an incident that wait for approval."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from comms_post
        where incident_id = $1
            and state = 'waiting'
        order by id
        """,
        incident_id,
    )
    return await _with_parts(tx, rows)


async def waiting(tx: Reads, post_ids: Sequence[int]) -> dict[int, int]:
    """Return the incident of each of these posts that waits for approval."""
    rows = await tx.fetch(
        """
        select id, incident_id
        from comms_post
        where id = any($1::bigint[])
            and state = 'waiting'
        """,
        list(post_ids),
    )
    return {row["id"]: row["incident_id"] for row in rows}


async def insert_post(
    tx: Tx,
    incident_id: int,
    seq: int,
    state: PostState,
    author_id: int | None,
    author: str,
    content: PostContent,
    body_sha256: str,
    findings: Sequence[Mapping[str, Any]],
    now: datetime,
) -> int:
    """Insert a draft or a post and return its id."""
    new_id = await tx.value(
        """
        insert into comms_post (
            incident_id, seq, state, author_id, author, headline, bodies, stage, statuses, targets,
            next_update_at, findings, reason, body_sha256, created_at, updated_at, published_at,
            eta_at, translations, mail_subject, is_quiet
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $15, $16, $17, $18, $19, $20)
        returning id
        """,
        incident_id,
        seq,
        state,
        author_id,
        author,
        content.headline,
        {str(reader): text for reader, text in content.bodies.items()},
        content.stage,
        {str(component_id): code for component_id, code in content.statuses.items()},
        list(content.targets),
        content.next_update_at,
        list(findings),
        content.reason,
        body_sha256,
        now,
        None if state is PostState.DRAFT else now,
        content.eta_at,
        dict(content.translations),
        content.mail_subject,
        content.is_quiet,
    )
    assert isinstance(new_id, int)
    return new_id


async def delete_draft(tx: Tx, incident_id: int) -> None:
    """Delete the draft of an incident, if any."""
    await tx.execute(
        """
        delete from comms_post
        where incident_id = $1
            and state = 'draft'
        """,
        incident_id,
    )


async def set_state(tx: Tx, post_id: int, state: PostState, now: datetime) -> None:
    """Set the state of a post."""
    await tx.execute(
        """
        update comms_post
        set state = $2, updated_at = $3
        where id = $1
        """,
        post_id,
        state,
        now,
    )


async def insert_delivery(tx: Tx, post_id: int, position: int, target: str, label: str) -> None:
    """Insert a target of a post, which waits."""
    await tx.execute(
        """
        insert into comms_delivery (post_id, target, position, label, state)
        values ($1, $2, $3, $4, 'waiting')
        """,
        post_id,
        target,
        position,
        label,
    )


async def change_delivery(
    tx: Tx,
    post_id: int,
    target: str,
    state: SendState,
    *,
    reference: Mapping[str, Any] | None = None,
    removed: Sequence[str] = (),
    error: str = "",
    sent_at: datetime | None = None,
) -> None:
    """Record the outcome of a post at a target; without a reference, the one it has stays."""
    await tx.execute(
        """
        update comms_delivery
        set
            state = $3,
            reference = coalesce($4, reference),
            removed = $5,
            error = $6,
            sent_at = coalesce($7, sent_at)
        where post_id = $1
            and target = $2
        """,
        post_id,
        target,
        state,
        None if reference is None else dict(reference),
        list(removed),
        error,
        sent_at,
    )


async def insert_approval(
    tx: Tx,
    post_id: int,
    rule: str,
    role: str,
    asked_ids: Sequence[int],
    due_at: datetime | None,
    now: datetime,
) -> None:
    """Insert the question to a role by a rule."""
    await tx.execute(
        """
        insert into comms_approval (post_id, rule, role, asked_ids, asked_at, due_at)
        values ($1, $2, $3, $4, $5, $6)
        """,
        post_id,
        rule,
        role,
        list(asked_ids),
        now,
        due_at,
    )


async def set_answer(
    tx: Tx,
    approval_ids: Sequence[int],
    answer: ApproverAnswer,
    person_id: int | None,
    label: str,
    body_sha256: str,
    note: str,
    now: datetime,
) -> None:
    """Record an answer to these questions."""
    await tx.execute(
        """
        update comms_approval
        set
            answer = $2,
            answered_by = $3,
            answered_label = $4,
            answered_sha256 = $5,
            note = $6,
            answered_at = $7
        where id = any($1::bigint[])
        """,
        list(approval_ids),
        answer,
        person_id,
        label,
        body_sha256,
        note,
        now,
    )


async def last_texts(tx: Reads, incident_id: int) -> dict[ReaderKind, str]:
    """Return the last text to each kind of reader that was sent about an incident."""
    rows = await tx.fetch(
        """
        select distinct on (body.key) body.key as reader, body.value as text
        from comms_post p
        cross join lateral jsonb_each_text(p.bodies) body
        where p.incident_id = $1
            and p.state in ('published', 'partly')
            and body.value <> ''
        order by body.key, p.id desc
        """,
        incident_id,
    )
    return {ReaderKind(row["reader"]): row["text"] for row in rows}
