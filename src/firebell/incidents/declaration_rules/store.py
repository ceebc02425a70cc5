"""The SQL of declaration rules and of the pages that counted for them."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.declaration_rules.matching import DeclarationRule
from firebell.incidents.model import OPEN
from firebell.kit.db.database import Tx

_COLUMNS = "id, name, service_id, matchers, pages, window_minutes, severity, is_on, created_at"


async def rules(tx: Tx, *, only_on: bool = False) -> list[DeclarationRule]:
    """Return the rules that were not removed, by name; with `only_on` those that are on."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from declaration_rule
        where removed_at is null
            and (is_on or not $1)
        order by lower(name), id
        """,
        only_on,
    )
    return [DeclarationRule(**dict(row)) for row in rows]


async def insert(tx: Tx, rule: DeclarationRule, created_by: int | None) -> DeclarationRule:
    """Insert a rule and return it with its id."""
    row = await tx.row(
        f"""
        insert into declaration_rule (
            name, service_id, matchers, pages, window_minutes, severity, is_on, created_at, created_by
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        returning {_COLUMNS}
        """,
        rule.name,
        rule.service_id,
        rule.matchers,
        rule.pages,
        rule.window_minutes,
        rule.severity,
        rule.is_on,
        rule.created_at,
        created_by,
    )
    assert row
    return DeclarationRule(**dict(row))


async def update(tx: Tx, rule: DeclarationRule) -> bool:
    """Replace a rule that was not removed and return True; return False if there is none."""
    changed = await tx.changed(
        """
        update declaration_rule
        set name = $2,
            service_id = $3,
            matchers = $4,
            pages = $5,
            window_minutes = $6,
            severity = $7,
            is_on = $8
        where id = $1
            and removed_at is null
        """,
        rule.id,
        rule.name,
        rule.service_id,
        rule.matchers,
        rule.pages,
        rule.window_minutes,
        rule.severity,
        rule.is_on,
    )
    return changed == 1


async def remove(tx: Tx, rule_id: int, now: datetime) -> bool:
    """Remove a rule and return True; return False if there is none."""
    changed = await tx.changed(
        """
        update declaration_rule
        set removed_at = $2
        where id = $1
            and removed_at is null
        """,
        rule_id,
        now,
    )
    return changed == 1


async def page_ids(tx: Tx, since: datetime, service_id: int | None, limit: int) -> list[int]:
    """Return the newest pages of alerts that were triggered since a time, of one service or all, without tests."""
    rows = await tx.fetch(
        """
        select id
        from page
        where triggered_at >= $1
            and subject_kind = 'group'
            and service_id is not null
            and not plan ? 'is_drill'
            and ($2::bigint is null or service_id = $2)
        order by triggered_at desc
        limit $3
        """,
        since,
        service_id,
        limit,
    )
    return [row["id"] for row in rows]


async def spent(tx: Tx, rule_id: int, page_ids: Sequence[int]) -> set[int]:
    """Return which of these pages counted for the rule already, or belong to an incident."""
    rows = await tx.fetch(
        """
        select page_id
        from declaration_rule_page
        where rule_id = $1
            and page_id = any($2::bigint[])
        union
        select page_id
        from incident_page
        where page_id = any($2::bigint[])
        """,
        rule_id,
        list(page_ids),
    )
    return {row["page_id"] for row in rows}


async def spend(tx: Tx, rule_id: int, incident_id: int, page_ids: Sequence[int]) -> None:
    """Record that these pages counted for an incident that the rule declared."""
    await tx.many(
        """
        insert into declaration_rule_page (rule_id, page_id, incident_id)
        values ($1, $2, $3)
        on conflict do nothing
        """,
        [(rule_id, page_id, incident_id) for page_id in page_ids],
    )


async def mark(tx: Tx, incident_id: int, rule_id: int) -> None:
    """Record which rule declared an incident."""
    await tx.execute(
        """
        update incident
        set declared_by_rule = $2
        where id = $1
        """,
        incident_id,
        rule_id,
    )


async def open_incident(tx: Tx, rule_id: int, service_id: int) -> int | None:
    """Return the newest open incident that the rule declared for a service, or that such an incident was merged into.

    None if there is none.
    """
    incident_id: int | None = await tx.value(
        """
        with recursive declared (id, phase, merged_into) as (
            select incident.id, incident.phase, incident.merged_into
            from incident
            join incident_service on incident_service.incident_id = incident.id
            where incident.declared_by_rule = $1
                and incident_service.service_id = $2
            union
            select incident.id, incident.phase, incident.merged_into
            from declared
            join incident on incident.id = declared.merged_into
        )
        select id
        from declared
        where phase = any($3::text[])
        order by id desc
        limit 1
        """,
        rule_id,
        service_id,
        list(OPEN),
    )
    return incident_id


async def declared(tx: Tx, rule_ids: Sequence[int]) -> dict[int, int]:
    """Return how many incidents each rule declared; rules without any are absent."""
    rows = await tx.fetch(
        """
        select declared_by_rule rule_id, count(*) incidents
        from incident
        where declared_by_rule = any($1::bigint[])
        group by declared_by_rule
        """,
        list(rule_ids),
    )
    return {row["rule_id"]: row["incidents"] for row in rows}
