"""Slice declaration: the list of services, and the overview of one service."""

from typing import TYPE_CHECKING

from firebell.kit.slice import AlertPart, IncidentPart, PagePart, Slice

if TYPE_CHECKING:
    from fastapi import APIRouter


def _routers() -> list["APIRouter"]:
    from firebell.service_overview import api, edit_web, web
    from firebell.service_overview.dependencies import api as dependency_api
    from firebell.service_overview.dependencies import web as dependency_web
    from firebell.service_overview.service_files import export_api, export_web, import_api, import_web
    from firebell.service_overview.service_list import web as list_web
    from firebell.service_overview.service_map import api as map_api
    from firebell.service_overview.service_map import web as map_web

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
    from firebell.service_overview.dependencies import parts as dependency_parts

    return [dependency_parts.ALERT_PART]


def _incident_parts() -> list[IncidentPart]:
    from firebell.service_overview.dependencies import parts as dependency_parts

    return [dependency_parts.INCIDENT_PART]


def _page_parts() -> list[PagePart]:
    from firebell.service_overview.dependencies import parts as dependency_parts

    return [dependency_parts.PAGE_PART]


SLICE = Slice(
    "service_overview",
    routers=_routers,
    alert_parts=_alert_parts,
    incident_parts=_incident_parts,
    page_parts=_page_parts,
)
