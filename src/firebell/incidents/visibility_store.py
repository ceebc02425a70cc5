"""The SQL that keeps private incidents from people who may not read them.

Every statement that finds incidents for someone has `readable` among its conditions.
"""

from collections.abc import Callable, Sequence

from firebell.incidents.model import Incident, MergedIncident
from firebell.kit import private_reader
from firebell.kit.db.database import Reads
from firebell.people import permissions
from firebell.people.model import Person, Role
from firebell.people.permissions import Rights


def readable(add: Callable[[object], str]) -> str:
    """Return the condition that an `incident` may be read by whom reads are restricted to; `add` adds a value."""
    reader = private_reader.reader()
    if reader is None:
        return "true"
    return f"""(
            incident.visibility = 'open'
            or exists (
                select
                from private_incident
                where private_incident.incident_id = incident.id
                    and {add(reader)}::bigint = any(private_incident.readers)
            )
        )"""


class Values:
    """The values of a statement; `add` appends one and returns its placeholder."""

    def __init__(self, *values: object) -> None:
        self.values = list(values)

    def add(self, value: object) -> str:
        """Append a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"


async def hidden_ids(tx: Reads) -> list[int]:
    """Return the private incidents that the current reader may not read; without a restriction, none."""
    reader = private_reader.reader()
    if reader is None:
        return []
    rows = await tx.fetch(
        """
        select incident_id
        from private_incident
        where $1::bigint <> all(readers)
        """,
        reader,
    )
    return [row["incident_id"] for row in rows]


async def readers_of_open(tx: Reads) -> frozenset[int]:
    """Return who may read any private incident that is open, besides managers."""
    rows = await tx.fetch(
        """
        select distinct unnest(readers) person_id
        from private_incident
        join incident on incident.id = private_incident.incident_id
        where incident.phase <> all(array['closed', 'reviewed', 'dismissed', 'merged'])
        """
    )
    return frozenset(row["person_id"] for row in rows)


async def pages_only_of(tx: Reads, incident_id: int) -> list[int]:
    """Return the pages that are linked to an incident and to no other one that is private."""
    rows = await tx.fetch(
        """
        select page_id
        from incident_page
        where incident_id = $1
            and not exists (
                select
                from incident_page other
                join incident on incident.id = other.incident_id
                    and incident.visibility = 'private'
                where other.page_id = incident_page.page_id
                    and other.incident_id <> $1
            )
        order by page_id
        """,
        incident_id,
    )
    return [row["page_id"] for row in rows]


async def merged_into(tx: Reads, incident_id: int) -> list[MergedIncident]:
    """Return the incidents that were merged into one, directly or not, by id, no matter who may read them."""
    rows = await tx.fetch(
        """
        with recursive merged (id) as (
            select id
            from incident
            where merged_into = $1
            union
            select incident.id
            from incident
            join merged on incident.merged_into = merged.id
        )
        select
            incident.id,
            incident.merged_into,
            incident.visibility = 'private' as is_private,
            coalesce(
                (
                    select timeline_entry.data ? 'with'
                    from timeline_entry
                    where timeline_entry.incident_id = incident.id
                        and timeline_entry.kind = 'type'
                    order by timeline_entry.id desc
                    limit 1
                ),
                false
            ) as follows
        from merged
        join incident on incident.id = merged.id
        order by incident.id
        """,
        incident_id,
    )
    return [MergedIncident(**dict(row)) for row in rows]


async def readers_among(tx: Reads, incidents: Sequence[Incident], people: Sequence[Person]) -> list[Person]:
    """Return those people who may read each of the incidents: managers, and who is involved in every private one."""
    private_ids = list({incident.id for incident in incidents if incident.is_private})
    if not private_ids:
        return list(people)
    rows = await tx.fetch(
        """
        select person_id
        from private_incident
        cross join unnest(private_incident.readers) person_id
        where private_incident.incident_id = any($1::bigint[])
        group by person_id
        having count(*) = $2
        """,
        private_ids,
        len(private_ids),
    )
    involved = {row["person_id"] for row in rows}
    return [
        person
        for person in people
        if permissions.private_reader(Rights(Role(person.role)), person.id) is None or person.id in involved
    ]
