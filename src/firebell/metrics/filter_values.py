"""The filters of the screens of metrics: the address that holds them, what they offer, and the files of a screen."""

from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents.model import TYPE_NAMES
from firebell.kit.web import html
from firebell.kit.web.file_names import disposition
from firebell.metrics import queries, windows
from firebell.metrics.queries import Query
from firebell.people import actions as people
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import Visit

SERVICES_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Address:
    """The address of a screen with its filters."""

    path: str
    query: Query

    def url(self, path: str = "", **changes: Any) -> str:
        """Return the address with changed parameters; blank ones are left out."""
        return html.address(path or self.path, **{**self.query.parameters(), **changes})


async def filters(visit: Visit, address: Address) -> dict[str, Any]:
    """Return what the filters offer, and what is set as (label, value, address without it)."""
    query, teams = address.query, await people.teams(visit.tx)
    services = (await catalog.services(visit.tx))[:SERVICES_OFFERED]
    names = {"team": {t.slug: t.name for t in teams}, "service": {s.slug: s.name for s in services}}
    chosen = {
        "severity": ("Severity", f"SEV{query.severity}"),
        "team": ("Team", names["team"].get(query.team, query.team)),
        "service": ("Service", names["service"].get(query.service, query.service)),
        "type": ("Type", TYPE_NAMES.get(query.type, query.type)),  # type: ignore[call-overload]
    }
    return {
        "address": address,
        "query": query,
        "filters_set": [
            (label, value, address.url(**{name: ""}))
            for name, (label, value) in chosen.items()
            if getattr(query, name)
        ],
        "teams": [(t.slug, t.name) for t in teams],
        "services": [(s.slug, s.name) for s in services],
        "types": [(str(name), label) for name, label in TYPE_NAMES.items()],
        "severities": [(str(s), f"SEV{s}") for s in queries.SEVERITIES],
        "periods": windows.PRESETS,
        "period": "" if query.start or query.end else query.period or windows.DEFAULT,
        "may_read_private": allows(visit.rights, Verb.INCIDENT_READ_PRIVATE),
    }


def file(body: str, name: str, media_type: str) -> Response:
    headers = {**html.HEADERS, "Content-Disposition": disposition(name)}
    return Response(body, headers=headers, media_type=media_type)


def json_file(value: object, name: str) -> Response:
    return file(msgspec.json.encode(value).decode(), name, "application/json")


def query_of(visit: Visit) -> Query:
    given = visit.request.query_params
    names = {"period": "period", "start": "from", "end": "to"}
    fields = ("period", "start", "end", "team", "service", "severity", "type")
    return Query(**{name: given.get(names.get(name, name), "").strip()[:100] for name in fields})


def has_blank(visit: Visit) -> bool:
    """Return True if an address has parameters without a value, as a form sends them."""
    return any(value == "" for value in visit.request.query_params.values())
