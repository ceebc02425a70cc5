"""The SQL of roles that are offered to someone else."""

from dataclasses import dataclass
from datetime import datetime

from firebell.incidents.model import OPEN, IncidentRole
from firebell.kit.db.database import Row, Tx


@dataclass(frozen=True, slots=True)
class RoleOffer:
    """A role that its holder offers to someone, who has not answered; `note` is what they have to know."""

    id: int
    incident_id: int
    role: IncidentRole
    from_id: int
    to_id: int
    note: str
    at: datetime


_COLUMNS = "id, incident_id, role, from_id, to_id, note, at"


def _offer(row: Row) -> RoleOffer:
    values = dict(row)
    return RoleOffer(**{**values, "role": IncidentRole(values["role"])})


async def insert(
    tx: Tx, incident_id: int, role: IncidentRole, from_id: int, to_id: int, note: str, now: datetime
) -> RoleOffer:
    """Insert an offer and return it."""
    row = await tx.row(
        f"""
        insert into role_offer (incident_id, role, from_id, to_id, note, at)
        values ($1, $2, $3, $4, $5, $6)
        returning {_COLUMNS}
        """,
        incident_id,
        role,
        from_id,
        to_id,
        note,
        now,
    )
    assert row
    return _offer(row)


async def waiting(tx: Tx, incident_id: int) -> list[RoleOffer]:
    """Return the offers of an incident that no one has answered, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from role_offer
        where incident_id = $1
            and answer is null
        order by id
        """,
        incident_id,
    )
    return [_offer(row) for row in rows]


async def answer(tx: Tx, offer_id: int, given: str, now: datetime) -> None:
    """Record the answer to an offer: accepted, declined or canceled."""
    await tx.execute(
        """
        update role_offer
        set answer = $2, answered_at = $3
        where id = $1
            and answer is null
        """,
        offer_id,
        given,
        now,
    )


async def cancel_to(tx: Tx, incident_id: int, to_id: int, now: datetime) -> None:
    """Cancel what is offered to a person in an incident, which is locked."""
    await tx.execute(
        """
        update role_offer
        set answer = 'canceled', answered_at = $3
        where incident_id = $1
            and to_id = $2
            and answer is null
        """,
        incident_id,
        to_id,
        now,
    )


async def open_incidents_with(tx: Tx, person_id: int) -> list[int]:
    """Return the open incidents in which a person has a role or is offered one, in the order of their ids."""
    rows = await tx.fetch(
        """
        select incident.id
        from incident
        where phase = any($2::text[])
            and (
                exists (
                    select
                    from incident_role
                    where incident_role.incident_id = incident.id
                        and incident_role.person_id = $1
                        and incident_role.until_at is null
                )
                or exists (
                    select
                    from role_offer
                    where role_offer.incident_id = incident.id
                        and role_offer.to_id = $1
                        and role_offer.answer is null
                )
            )
        order by incident.id
        """,
        person_id,
        [str(phase) for phase in OPEN],
    )
    return [row["id"] for row in rows]


async def cancel_of(tx: Tx, incident_id: int, role: IncidentRole, from_id: int, now: datetime) -> None:
    """Cancel what a person offers of a role that they no longer have."""
    await tx.execute(
        """
        update role_offer
        set answer = 'canceled', answered_at = $4
        where incident_id = $1
            and role = $2
            and from_id = $3
            and answer is null
        """,
        incident_id,
        role,
        from_id,
        now,
    )
