"""The reads of Opsgenie's API: alerts, notes, logs and recipients of one integration."""

from collections.abc import Mapping

from firebell.alerts.model import Integration, Json
from firebell.kit.db.database import Tx
from firebell.opsgenie import shapes, store
from firebell.opsgenie.model import ApiError, Identifier, ShownAlert
from firebell.opsgenie.search_query import Node, QueryError, parse
from firebell.paging import actions as paging
from firebell.people import actions as people

LIMIT, MAX_LIMIT = 20, 100
_MAX_DIGITS = 9


async def get_alert(tx: Tx, integration: Integration, identifier: Identifier) -> ShownAlert:
    """Return the alert that an address names; raise ApiError if the integration has none."""
    alert_id = await store.find_alert_id(tx, integration.id, identifier)
    alert = None if alert_id is None else await store.alert(tx, integration.id, alert_id)
    if alert is None:
        raise ApiError(404, "Alert does not exist.")
    return alert


async def list_alerts(
    tx: Tx, integration: Integration, query: Mapping[str, str], base_url: str
) -> dict[str, Json]:
    """Return `data` and `paging` of a list; raise ApiError for a wrong parameter."""
    offset, limit = _number(query, "offset", 0, 0, store.MAX_LISTED), _limit(query)
    sort, order = query.get("sort", "createdAt"), query.get("order", "desc").lower()
    errors = {}
    if offset + limit > store.MAX_LISTED:
        errors["offset"] = f"The sum of offset and limit can not be more than {store.MAX_LISTED:,}."
    if sort.lower() not in store.SORTS:
        errors["sort"] = f"There is no field {sort!r} to sort by."
    if order not in ("asc", "desc"):
        errors["order"] = "Order should be one of [ asc, desc ]."
    if query.get("searchIdentifier"):
        errors["searchIdentifier"] = "Firebell has no saved searches; send their query instead."
    if errors:
        raise ApiError(422, "A parameter is wrong.", errors)
    wanted = _parse(query)
    alerts = await store.alerts(
        tx,
        integration.id,
        wanted,
        sort=sort.lower(),
        descending=order == "desc",
        offset=offset,
        limit=limit,
    )
    total = await store.count(tx, integration.id, wanted)
    common = {"query": query.get("query"), "limit": limit, "sort": sort, "order": order}
    pages = {
        "first": {**common, "offset": 0},
        "last": {**common, "offset": max(0, (total - 1) // limit * limit)},
    }
    if offset > 0:
        pages["prev"] = {**common, "offset": max(0, offset - limit)}
    if offset + limit < total:
        pages["next"] = {**common, "offset": offset + limit}
    data = [shapes.summary(alert, integration) for alert in alerts]
    return {"data": data, "paging": shapes.links(base_url, "/v2/alerts", pages)}


async def count_alerts(tx: Tx, integration: Integration, query: Mapping[str, str]) -> dict[str, Json]:
    """Return `data` with the number of alerts that match a query."""
    return {"data": {"count": await store.count(tx, integration.id, _parse(query))}}


async def list_about(
    tx: Tx, alert: ShownAlert, what: str, query: Mapping[str, str], base_url: str
) -> dict[str, Json]:
    """Return the notes, the log or the recipients of an alert, newest first unless asked otherwise."""
    if what == "recipients":
        return {"data": await _recipients(tx, alert)}
    log = [] if alert.page_id is None else await paging.log(tx, alert.page_id)
    entries = [(place, entry) for place, entry in enumerate(log, 1) if what == "logs" or entry.kind == "note"]
    descending = query.get("order", "desc").lower() == "desc"
    if descending:
        entries.reverse()
    limit, after = _limit(query), _number(query, "offset", 0, 0, 10**_MAX_DIGITS)
    backward = query.get("direction", "next").lower() == "prev"
    if after:
        entries = [e for e in entries if (e[0] < after) == (descending != backward) and e[0] != after]
    listed = entries[-limit:] if backward else entries[:limit]
    path = f"/v2/alerts/{alert.id}/{what}"
    common = {"identifierType": "tiny", "limit": limit, "order": "desc" if descending else "asc"}
    pages: dict[str, dict[str, Json]] = {"first": {**common, "direction": "next"}}
    if len(entries) > limit and listed and not backward:
        pages["next"] = {**common, "direction": "next", "offset": listed[-1][0]}
    data = shapes.notes(listed) if what == "notes" else shapes.logs(listed)
    return {"data": data, "paging": shapes.links(base_url, path, pages)}


async def _recipients(tx: Tx, alert: ShownAlert) -> list[Json]:
    if alert.page_id is None:
        return []
    deliveries = await paging.deliveries(tx, alert.page_id)
    recipients = await people.people_by_id(tx, sorted({d.person_id for d in deliveries}))
    return [
        {
            "user": {"id": str(d.person_id), "username": recipients[d.person_id].email},
            "state": str(d.state),
            "method": d.channel,
            "createdAt": d.created_at,
            "updatedAt": d.sent_at or d.created_at,
        }
        for d in deliveries
    ]


def _parse(query: Mapping[str, str]) -> Node | None:
    try:
        return parse(query.get("query", ""))
    except QueryError as error:
        raise ApiError(422, "The query can not be read.", {"query": str(error)}) from error


def _limit(query: Mapping[str, str]) -> int:
    return _number(query, "limit", LIMIT, 1, MAX_LIMIT)


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    stated = query.get(name, "")
    if not stated:
        return default
    is_number = stated.isascii() and stated.isdecimal() and len(stated) <= _MAX_DIGITS
    if not is_number or not least <= int(stated) <= most:
        raise ApiError(422, "A parameter is wrong.", {name: f"Send a number from {least} to {most:,}."})
    return int(stated)
