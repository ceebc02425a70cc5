"""The SQL of Opsgenie's API: alerts with their pages, and the results of requests."""

from datetime import datetime
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.opsgenie.alert_ids import alert_id_of
from firebell.opsgenie.model import Identifier, IdentifierType, RequestResult, ShownAlert
from firebell.opsgenie.search_query import All, AnyOf, Node, Not, Term

MAX_LISTED = 20_000
"""Alerts of an integration that lists and counts look at, newest first."""
SORTS = {
    "createdat": "id",
    "updatedat": "updated_at",
    "tinyid": "id",
    "alias": "alias",
    "message": "message",
    "status": "is_open",
    "acknowledged": "is_acknowledged",
    "isseen": "is_seen",
    "snoozed": "is_snoozed",
    "snoozeduntil": "snoozed_until",
    "count": "count",
    "lastoccurredat": "last_occurred_at",
    "source": "source",
    "owner": "owner",
    "integration.name": "id",
    "integration.type": "id",
    "report.acktime": "first_ack_at - triggered_at",
    "report.closetime": "closed_at - created_at",
}
_COLUMNS = (
    "id, alias, message, description, is_open, severity, labels, annotations, count, created_at, closed_at,"
    " last_occurred_at, updated_at, page_id, is_acknowledged, is_snoozed, is_seen, triggered_at, first_ack_at,"
    " snoozed_until, owner"
)
_EXPRESSIONS = {
    "alertid": "id",
    "tinyid": "id",
    "alias": "alias",
    "message": "message",
    "description": "description",
    "source": "annotations ->> 'source'",
    "entity": "annotations ->> 'entity'",
    "status": "case when is_open then 'open' else 'closed' end",
    "owner": "coalesce(owner, annotations ->> 'owner')",
    "acknowledgedby": "owner",
    "closedby": "''",
    "teams": "annotations ->> 'teams'",
    "responders": "annotations ->> 'responders'",
    "actions": "annotations ->> 'actions'",
    "integration.name": "''",
    "integration.type": "'API'",
    "priority": "coalesce(annotations ->> 'priority', case severity when 'critical' then 'P1'"
    " when 'error' then 'P2' when 'info' then 'P4' else 'P3' end)",
    "count": "count",
    "isseen": "is_seen",
    "acknowledged": "is_acknowledged",
    "snoozed": "is_snoozed",
    "createdat": "created_at",
    "updatedat": "updated_at",
    "lastoccurredat": "last_occurred_at",
    "snoozeduntil": "snoozed_until",
}


def _shown(only: str = "") -> str:
    """Return the statement for the newest alerts of the integration $1, as clients see them."""
    return f"""
        select
            listed.id,
            listed.dedup_key as alias,
            listed.title as message,
            listed.body as description,
            listed.status = 'firing' as is_open,
            listed.severity,
            listed.labels,
            listed.annotations,
            listed.count,
            listed.starts_at as created_at,
            listed.ends_at as closed_at,
            listed.last_seen as last_occurred_at,
            greatest(listed.last_seen, listed.hi_seen, page.acked_at) as updated_at,
            page.id as page_id,
            page.triggered_at,
            page.first_ack_at,
            page.snoozed_until,
            owner.email as owner,
            listed.status = 'firing' and coalesce(page.state = 'acked', false) as is_acknowledged,
            listed.status = 'firing' and coalesce(page.state = 'snoozed', false) as is_snoozed,
            page.first_ack_at is not null as is_seen,
            listed.annotations ->> 'source' as source
        from (
            select *
            from alert
            where integration_id = $1
                and group_id is not null
                {only}
            order by id desc
            limit {MAX_LISTED}
        ) listed
        left join lateral (
            select *
            from page
            where subject_kind = 'group'
                and subject_id = listed.group_id
            order by id desc
            limit 1
        ) page on true
        left join lateral (
            select person.email
            from page_owner
            join person on person.id = page_owner.person_id
            where page_owner.page_id = page.id
                and page.state <> 'triggered'
                and (page.acks = '[]' or page.acks @> to_jsonb(page_owner.person_id))
            order by page_owner.at
            limit 1
        ) owner on true
    """


def _alert(row: Row) -> ShownAlert:
    return ShownAlert(**dict(row))


class _Condition:
    """The SQL of a query, with its values as bound parameters."""

    def __init__(self, integration_id: int) -> None:
        self.values: list[Any] = [integration_id]

    def bind(self, value: object) -> str:
        """Return the placeholder of a value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def of(self, node: Node | None) -> str:
        """Return the SQL of a query."""
        match node:
            case None:
                return "true"
            case All(nodes):
                return f"({' and '.join(map(self.of, nodes))})"
            case AnyOf(nodes):
                return f"({' or '.join(map(self.of, nodes))})"
            case Not(inner):
                return f"not coalesce({self.of(inner)}, false)"
            case Term():
                return self._term(node)

    def _term(self, term: Term) -> str:
        value = term.value
        if term.field == "alertid":
            return f"id = {self.bind(alert_id_of(str(value)) or 0)}"
        if not isinstance(value, str):
            return f"({_EXPRESSIONS[term.field]} {term.op} {self.bind(value)})"
        placeholder = self.bind(_pattern(value))
        if term.field == "tag":
            tags = "string_to_array(annotations ->> 'tags', ',')"
            return f"exists (select from unnest({tags}) as tag (name) where name ilike {placeholder})"
        if term.field in ("details.key", "details.value"):
            column = term.field.removeprefix("details.")
            details = "jsonb_each_text(labels) as detail (key, value)"
            return f"exists (select from {details} where detail.{column} ilike {placeholder})"
        return f"coalesce({_EXPRESSIONS[term.field]}, '') ilike {placeholder}"


def _pattern(value: str) -> str:
    """Return a value as a LIKE pattern, in which `*` stands for any characters."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


async def alerts(
    tx: Reads,
    integration_id: int,
    query: Node | None,
    *,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> list[ShownAlert]:
    """Return the alerts of an integration that match a query."""
    condition = _Condition(integration_id)
    where = condition.of(query)
    direction = "desc" if descending else "asc"
    # by id the newest come from the index, so that the others are not read
    order = (
        f"id {direction}" if SORTS[sort] == "id" else f"{SORTS[sort]} {direction} nulls last, id {direction}"
    )
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from ({_shown()}) shown
        where {where}
        order by {order}
        offset {condition.bind(offset)}
        limit {condition.bind(limit)}
        """,
        *condition.values,
    )
    return [_alert(row) for row in rows]


async def count(tx: Reads, integration_id: int, query: Node | None) -> int:
    """Return the number of alerts of an integration that match a query."""
    condition = _Condition(integration_id)
    where = condition.of(query)
    statement = f"""
        select count(*)
        from ({_shown()}) shown
        where {where}
    """
    if query is None:
        # without pages, which say nothing about the number
        statement = f"""
            select count(*)
            from (
                select
                from alert
                where integration_id = $1
                    and group_id is not null
                order by id desc
                limit {MAX_LISTED}
            ) newest
        """
    number: int = await tx.value(statement, *condition.values)
    return number


async def find_alert_id(tx: Reads, integration_id: int, identifier: Identifier) -> int | None:
    """Return the alert that an address names: of an alias the open one, else the newest; None if there is none."""
    if identifier.type is IdentifierType.ALIAS:
        return await tx.value(  # type: ignore[no-any-return]
            """
            select id
            from alert
            where integration_id = $1
                and dedup_key = $2
                and group_id is not null
            order by id desc
            limit 1
            """,
            integration_id,
            identifier.text,
        )
    number = identifier.text
    if identifier.type is IdentifierType.TINY:
        alert_id = int(number) if number.isascii() and number.isdecimal() and len(number) <= 15 else None
    else:
        alert_id = alert_id_of(number)
    return await tx.value(  # type: ignore[no-any-return]
        """
        select id
        from alert
        where id = $2
            and integration_id = $1
            and group_id is not null
        """,
        integration_id,
        alert_id or 0,
    )


async def alert(tx: Reads, integration_id: int, alert_id: int) -> ShownAlert | None:
    """Return an alert of the integration, with its page."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from ({_shown("and id = $2")}) shown
        """,
        integration_id,
        alert_id,
    )
    return _alert(row) if row else None


async def insert_result(tx: Tx, integration_id: int, result: RequestResult) -> None:
    """Store the result of a request."""
    await tx.execute(
        """
        insert into opsgenie_request
            (id, integration_id, action, is_success, status, processed_at, alert_id, alias)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        result.id,
        integration_id,
        result.action,
        result.is_success,
        result.status,
        result.processed_at,
        result.alert_id,
        result.alias,
    )


async def result(tx: Reads, integration_id: int, request_id: str) -> RequestResult | None:
    """Return the result of a request of the integration, or None if there was none in the last 7 days."""
    row = await tx.row(
        """
        select id::text, action, is_success, status, processed_at, alert_id, alias
        from opsgenie_request
        where id = $1
            and integration_id = $2
        """,
        request_id,
        integration_id,
    )
    return RequestResult(**dict(row)) if row else None


async def delete_results(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest results of requests; return their number."""
    return await tx.changed(
        """
        delete from opsgenie_request
        where id in (
            select id
            from opsgenie_request
            where processed_at < $1
            order by processed_at
            limit $2
        )
        """,
        before,
        limit,
    )
