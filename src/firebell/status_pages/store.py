"""The SQL of status pages, their groups and components."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.status_pages.model import (
    Component,
    ComponentGroup,
    IndicatorRule,
    PageTexts,
    PageVisibility,
    PartTranslation,
    StatusPage,
)

_PAGE_COLUMNS = (
    "id, slug, name, tz, about, support_url, visibility, partial_weight, degraded_weight,"
    " created_at, updated_at, indicator_rule, translations"
)
_PAGE_CHANGEABLE = {
    *("name", "tz", "about", "support_url", "visibility", "partial_weight", "degraded_weight", "updated_at"),
    "indicator_rule",
}
_GROUP_COLUMNS = "id, public_id, name, position, created_at, description, translations"
_GROUP_CHANGEABLE = {"name", "description", "position"}
_COMPONENT_CHANGEABLE = {
    *("group_id", "name", "description", "position", "start_date", "shows_uptime", "only_if_affected"),
}


def _page(row: Row) -> StatusPage:
    return StatusPage(
        **{
            **dict(row),
            "visibility": PageVisibility(row["visibility"]),
            "indicator_rule": IndicatorRule(row["indicator_rule"]),
            "translations": {code: PageTexts(**texts) for code, texts in row["translations"].items()},
        }
    )


def _translations(row: Row) -> dict[str, PartTranslation]:
    return {code: PartTranslation(**texts) for code, texts in row["translations"].items()}


def _group(row: Row) -> ComponentGroup:
    return ComponentGroup(**{**dict(row), "translations": _translations(row)})


def _component(row: Row) -> Component:
    values = {**dict(row), "service_ids": tuple(row["service_ids"]), "translations": _translations(row)}
    values.pop("status_page_id", None)
    return Component(**values)


async def insert_page(
    tx: Tx, slug: str, name: str, tz: str, visibility: PageVisibility, now: datetime
) -> StatusPage | None:
    """Insert a status page and return it, None if the slug is taken."""
    row = await tx.row(
        f"""
        insert into status_page (
            slug, name, tz, visibility, partial_weight, degraded_weight, created_at, updated_at
        )
        values ($1, $2, $3, $4, 30, 0, $5, $5)
        on conflict (slug) do nothing
        returning {_PAGE_COLUMNS}
        """,
        slug,
        name,
        tz,
        visibility,
        now,
    )
    return _page(row) if row else None


async def pages(tx: Reads) -> list[StatusPage]:
    """Return all status pages by name."""
    rows = await tx.fetch(
        f"""
        select {_PAGE_COLUMNS}
        from status_page
        order by name, id
        """
    )
    return [_page(row) for row in rows]


async def page_by_slug(tx: Reads, slug: str) -> StatusPage | None:
    """Return the status page with this slug, None if there is none."""
    row = await tx.row(
        f"""
        select {_PAGE_COLUMNS}
        from status_page
        where slug = $1
        """,
        slug,
    )
    return _page(row) if row else None


async def page_by_id(tx: Reads, page_id: int) -> StatusPage | None:
    """Return a status page, None if there is none."""
    row = await tx.row(
        f"""
        select {_PAGE_COLUMNS}
        from status_page
        where id = $1
        """,
        page_id,
    )
    return _page(row) if row else None


async def lock_page(tx: Tx, page_id: int) -> StatusPage | None:
    """Lock a status page and return it, None if there is none."""
    row = await tx.row(
        f"""
        select {_PAGE_COLUMNS}
        from status_page
        where id = $1
        for update
        """,
        page_id,
    )
    return _page(row) if row else None


async def lock_free_pages(tx: Tx, page_ids: Sequence[int]) -> set[int]:
    """Lock and return those status pages that no other transaction has locked."""
    rows = await tx.fetch(
        """
        select id
        from status_page
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(page_ids),
    )
    return {row["id"] for row in rows}


async def change_page(tx: Tx, page_id: int, **changes: Any) -> StatusPage:
    """Update the named columns of a status page and return it."""
    assert set(changes) <= _PAGE_CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    row = await tx.row(
        f"""
        update status_page
        set {assignments}
        where id = $1
        returning {_PAGE_COLUMNS}
        """,
        page_id,
        *changes.values(),
    )
    assert row
    return _page(row)


async def insert_group(tx: Tx, page_id: int, public_id: str, name: str, now: datetime) -> ComponentGroup:
    """Append a group to a status page and return it."""
    row = await tx.row(
        f"""
        insert into status_component_group (public_id, status_page_id, name, position, created_at)
        select $2, $1, $3, coalesce(max(g.position), 0) + 1, $4
        from status_component_group g
        where g.status_page_id = $1
        returning {_GROUP_COLUMNS}
        """,
        page_id,
        public_id,
        name,
        now,
    )
    assert row
    return _group(row)


async def groups(tx: Reads, page_id: int) -> list[ComponentGroup]:
    """Return the groups of a status page, in their order."""
    rows = await tx.fetch(
        f"""
        select {_GROUP_COLUMNS}
        from status_component_group
        where status_page_id = $1
        order by position, id
        """,
        page_id,
    )
    return [_group(row) for row in rows]


async def lock_groups(tx: Tx, page_id: int, group_ids: Collection[int]) -> set[int]:
    """Return which of these groups a status page has, and keep them until the transaction ends."""
    rows = await tx.fetch(
        """
        select id
        from status_component_group
        where status_page_id = $1
            and id = any($2::bigint[])
        order by id
        for key share
        """,
        page_id,
        list(group_ids),
    )
    return {row["id"] for row in rows}


async def change_group(tx: Tx, group_id: int, **changes: Any) -> None:
    """Update the named columns of a group."""
    assert set(changes) <= _GROUP_CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update status_component_group
        set {assignments}
        where id = $1
        """,
        group_id,
        *changes.values(),
    )


async def delete_group(tx: Tx, group_id: int) -> None:
    """Delete a group; its components stay, without a group."""
    await tx.execute("delete from status_component_group where id = $1", group_id)


async def save_page_texts(tx: Tx, page_id: int, texts: Mapping[str, PageTexts]) -> None:
    """Store what a page says about itself in its other languages."""
    await tx.execute(
        "update status_page set translations = $2 where id = $1",
        page_id,
        {code: {"about": each.about, "links": dict(each.links)} for code, each in texts.items()},
    )


async def save_translations(
    tx: Tx,
    groups: Mapping[int, Mapping[str, PartTranslation]],
    components: Mapping[int, Mapping[str, PartTranslation]],
) -> None:
    """Store the translations of these groups and components, by id."""
    await tx.execute(
        """
        update status_component_group g
        set translations = saved.translations
        from unnest($1::bigint[], $2::jsonb[]) as saved (id, translations)
        where g.id = saved.id
        """,
        list(groups),
        [_stored(texts) for texts in groups.values()],
    )
    await tx.execute(
        """
        update status_component c
        set translations = saved.translations
        from unnest($1::bigint[], $2::jsonb[]) as saved (id, translations)
        where c.id = saved.id
        """,
        list(components),
        [_stored(texts) for texts in components.values()],
    )


def _stored(translations: Mapping[str, PartTranslation]) -> dict[str, dict[str, str]]:
    return {code: {"name": each.name, "description": each.description} for code, each in translations.items()}


async def insert_component(
    tx: Tx, page_id: int, public_id: str, name: str, group_id: int | None, start_date: date, now: datetime
) -> int:
    """Append a component to a status page and return its id."""
    component_id = await tx.value(
        """
        insert into status_component (
            public_id, status_page_id, group_id, name, position, start_date, shows_uptime, created_at
        )
        select $2, $1, $3, $4, coalesce(max(c.position), 0) + 1, $5, true, $6
        from status_component c
        where c.status_page_id = $1
        returning id
        """,
        page_id,
        public_id,
        group_id,
        name,
        start_date,
        now,
    )
    assert isinstance(component_id, int)
    return component_id


async def components(tx: Reads, page_id: int) -> list[Component]:
    """Return the components that a status page shows, in their order, with the services behind them."""
    rows = await tx.fetch(
        """
        select
            c.id, c.public_id, c.group_id, c.name, c.description, c.position, c.start_date, c.shows_uptime,
            c.created_at, c.only_if_affected, c.translations,
            array(
                select cs.service_id
                from status_component_service cs
                where cs.component_id = c.id
                order by cs.service_id
            ) as service_ids
        from status_component c
        where c.status_page_id = $1
            and c.archived_at is null
        order by c.position, c.id
        """,
        page_id,
    )
    return [_component(row) for row in rows]


async def components_by_page(tx: Reads) -> dict[int, list[Component]]:
    """Return the shown components of all status pages, in their order, by status page."""
    rows = await tx.fetch(
        """
        select
            c.status_page_id, c.id, c.public_id, c.group_id, c.name, c.description, c.position, c.start_date,
            c.shows_uptime, c.created_at, c.only_if_affected, c.translations,
            array(
                select cs.service_id
                from status_component_service cs
                where cs.component_id = c.id
                order by cs.service_id
            ) as service_ids
        from status_component c
        where c.archived_at is null
        order by c.position, c.id
        """
    )
    by_page: dict[int, list[Component]] = {}
    for row in rows:
        by_page.setdefault(row["status_page_id"], []).append(_component(row))
    return by_page


async def change_component(tx: Tx, component_id: int, **changes: Any) -> None:
    """Update the named columns of a component."""
    assert set(changes) <= _COMPONENT_CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update status_component
        set {assignments}
        where id = $1
        """,
        component_id,
        *changes.values(),
    )


async def archive_component(tx: Tx, component_id: int, now: datetime) -> None:
    """Hide a component; its history stays."""
    await tx.execute(
        """
        update status_component
        set archived_at = $2
        where id = $1
        """,
        component_id,
        now,
    )


async def set_services(tx: Tx, component_id: int, service_ids: Sequence[int]) -> None:
    """Replace the services behind a component."""
    await tx.execute(
        """
        delete from status_component_service
        where component_id = $1
            and service_id <> all($2::bigint[])
        """,
        component_id,
        list(service_ids),
    )
    await tx.execute(
        """
        insert into status_component_service (component_id, service_id)
        select $1, service_id
        from unnest($2::bigint[]) as chosen (service_id)
        on conflict do nothing
        """,
        component_id,
        list(service_ids),
    )


async def components_of_services(tx: Reads, service_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the ids of the shown components of these services, by status page."""
    rows = await tx.fetch(
        """
        select distinct c.status_page_id, c.id
        from status_component_service cs
        join status_component c on c.id = cs.component_id
        where cs.service_id = any($1::bigint[])
            and c.archived_at is null
        order by c.status_page_id, c.id
        """,
        list(service_ids),
    )
    by_page: dict[int, list[int]] = {}
    for row in rows:
        by_page.setdefault(row["status_page_id"], []).append(row["id"])
    return by_page


async def component_public_ids(tx: Reads, page_id: int) -> dict[int, str]:
    """Return the public ids of all components that a status page ever had."""
    rows = await tx.fetch(
        """
        select id, public_id
        from status_component
        where status_page_id = $1
        """,
        page_id,
    )
    return {row["id"]: row["public_id"] for row in rows}
