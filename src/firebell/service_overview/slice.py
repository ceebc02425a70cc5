"""Slice declaration: the list of services, and the overview of one service."""

from typing import TYPE_CHECKING

from firebell.kit.slice import AlertPart, IncidentPart, PagePart, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.service_overview import (
        api,
        dependency_api,
        dependency_web,
        edit_web,
        export_api,
        export_web,
        import_api,
        import_web,
        list_web,
        map_api,
        map_web,
        web,
    )

    return [
        list_web.router,
        import_web.router,
        export_web.router,
        map_web.router,
        dependency_web.router,
        edit_web.router,
        web.router,
        dependency_api.router,
        import_api.router,
        export_api.router,
        map_api.router,
        api.router,
    ]


def _alert_parts() -> list[AlertPart]:
    from firebell.service_overview import dependency_parts

    return [dependency_parts.ALERT_PART]


def _incident_parts() -> list[IncidentPart]:
    from firebell.service_overview import dependency_parts

    return [dependency_parts.INCIDENT_PART]


def _page_parts() -> list[PagePart]:
    from firebell.service_overview import dependency_parts

    return [dependency_parts.PAGE_PART]


SLICE = Slice(
    "service_overview",
    routers=_routers,
    alert_parts=_alert_parts,
    incident_parts=_incident_parts,
    page_parts=_page_parts,
)
