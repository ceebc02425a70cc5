"""The SQL of what happens in drills: participants, injects, observations, the tray and verdicts."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.drills.model import DeliveredInject, Observation, Participant, Record, TrayPost, TrayTarget
from firebell.kit.db.database import Tx


async def record(tx: Tx, drill_id: int) -> Record:
    """Return everything that happened in a drill, each part in its order."""
    delivered = await tx.fetch(
        """
        select inject_id, skipped, at, elapsed_s, page_id, note, answer, answered_s, answered_by
        from drill_inject
        where drill_id = $1
        order by at, inject_id
        """,
        drill_id,
    )
    observations = await tx.fetch(
        """
        select id, elapsed_s, actor, text
        from drill_observation
        where drill_id = $1
        order by id
        """,
        drill_id,
    )
    tray = await tx.fetch(
        """
        select id, elapsed_s, target, text, actor, person_id
        from drill_tray_post
        where drill_id = $1
        order by id
        """,
        drill_id,
    )
    verdicts = await tx.fetch(
        """
        select expectation_id, met
        from drill_verdict
        where drill_id = $1
        """,
        drill_id,
    )
    return Record(
        tuple(await participants_of(tx, drill_id)),
        tuple(DeliveredInject(**dict(row)) for row in delivered),
        tuple(Observation(**dict(row)) for row in observations),
        tuple(TrayPost(**{**dict(row), "target": TrayTarget(row["target"])}) for row in tray),
        {row["expectation_id"]: row["met"] for row in verdicts},
    )


async def participants(tx: Tx, drill_ids: Sequence[int]) -> dict[int, list[Participant]]:
    """Return the participants of each drill, by person."""
    rows = await tx.fetch(
        """
        select drill_id, person_id, state, night_ok, is_away, attended
        from drill_participant
        where drill_id = any($1::bigint[])
        order by drill_id, person_id
        """,
        list(drill_ids),
    )
    by_drill: dict[int, list[Participant]] = {drill_id: [] for drill_id in drill_ids}
    for row in rows:
        by_drill[row["drill_id"]].append(Participant(**dict(row)))
    return by_drill


async def participants_of(tx: Tx, drill_id: int) -> list[Participant]:
    """Return the participants of a drill, by person."""
    return (await participants(tx, [drill_id]))[drill_id]


async def invite(tx: Tx, drill_id: int, person_ids: Collection[int]) -> list[int]:
    """Invite people to a drill, and return those who were not invited before."""
    rows = await tx.fetch(
        """
        insert into drill_participant (drill_id, person_id)
        select $1, unnest($2::bigint[])
        on conflict do nothing
        returning person_id
        """,
        drill_id,
        sorted(person_ids),
    )
    return [row["person_id"] for row in rows]


async def answer_invitation(tx: Tx, drill_id: int, person_id: int, state: str, night_ok: bool) -> None:
    """Store that a person accepts or declines; someone who was not invited can accept too."""
    await tx.execute(
        """
        insert into drill_participant (drill_id, person_id, state, night_ok)
        values ($1, $2, $3, $4)
        on conflict (drill_id, person_id) do update
        set state = excluded.state, night_ok = excluded.night_ok
        """,
        drill_id,
        person_id,
        state,
        night_ok,
    )


async def set_away(tx: Tx, drill_id: int, person_ids: Collection[int]) -> None:
    """Take people out of a drill: its pages do not reach them anymore."""
    await tx.execute(
        """
        update drill_participant
        set is_away = true
        where drill_id = $1
            and person_id = any($2::bigint[])
        """,
        drill_id,
        list(person_ids),
    )


async def set_attended(tx: Tx, drill_id: int, person_ids: Collection[int]) -> None:
    """Store who took part."""
    await tx.execute(
        """
        update drill_participant
        set attended = person_id = any($2::bigint[])
        where drill_id = $1
        """,
        drill_id,
        list(person_ids),
    )


async def leave(tx: Tx, person_id: int) -> None:
    """Decline for a person who left, in each drill that is not over."""
    await tx.execute(
        """
        update drill_participant
        set state = 'declined'
        from drill
        where drill_participant.person_id = $1
            and drill.id = drill_participant.drill_id
            and drill.state in ('planned', 'running', 'paused')
        """,
        person_id,
    )


async def settle_inject(
    tx: Tx,
    drill_id: int,
    inject_id: str,
    *,
    skipped: bool,
    at: datetime,
    elapsed_s: float,
    page_id: int | None = None,
    note: str = "",
) -> bool:
    """Store that an inject was delivered or skipped; return False if that was stored before."""
    changed = await tx.changed(
        """
        insert into drill_inject (drill_id, inject_id, skipped, at, elapsed_s, page_id, note)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict do nothing
        """,
        drill_id,
        inject_id,
        skipped,
        at,
        elapsed_s,
        page_id,
        note,
    )
    return changed == 1


async def answer_inject(
    tx: Tx, drill_id: int, inject_id: str, text: str, elapsed_s: float, person_id: int | None
) -> bool:
    """Store the first answer to a delivered inject; return False if it has one."""
    changed = await tx.changed(
        """
        update drill_inject
        set answer = $3, answered_s = $4, answered_by = $5
        where drill_id = $1
            and inject_id = $2
            and not skipped
            and answered_s is null
        """,
        drill_id,
        inject_id,
        text,
        elapsed_s,
        person_id,
    )
    return changed == 1


async def add_observation(tx: Tx, drill_id: int, elapsed_s: float, actor: str, text: str) -> None:
    """Add an observation."""
    await tx.execute(
        """
        insert into drill_observation (drill_id, elapsed_s, actor, text)
        values ($1, $2, $3, $4)
        """,
        drill_id,
        elapsed_s,
        actor,
        text,
    )


async def add_tray_post(
    tx: Tx, drill_id: int, elapsed_s: float, target: TrayTarget, text: str, actor: str, person_id: int | None
) -> None:
    """Add a text to the tray."""
    await tx.execute(
        """
        insert into drill_tray_post (drill_id, elapsed_s, target, text, actor, person_id)
        values ($1, $2, $3, $4, $5, $6)
        """,
        drill_id,
        elapsed_s,
        target,
        text,
        actor,
        person_id,
    )


async def set_verdict(tx: Tx, drill_id: int, expectation_id: str, met: bool) -> None:
    """Store what the facilitator decided about an expectation."""
    await tx.execute(
        """
        insert into drill_verdict (drill_id, expectation_id, met)
        values ($1, $2, $3)
        on conflict (drill_id, expectation_id) do update
        set met = excluded.met
        """,
        drill_id,
        expectation_id,
        met,
    )


async def sizes(tx: Tx, drill_id: int) -> tuple[int, int]:
    """Return the numbers of observations and of texts in the tray."""
    row = await tx.row(
        """
        select
            (select count(*) from drill_observation where drill_id = $1) as observations,
            (select count(*) from drill_tray_post where drill_id = $1) as posts
        """,
        drill_id,
    )
    assert row
    return row["observations"], row["posts"]
