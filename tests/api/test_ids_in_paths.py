"""An id in the path of the API is digits: no operation refuses them as if they were a text in JSON."""

from fastapi.routing import APIRoute

from firebell.app import routers
from firebell.kit.clock import FakeClock
from tests.api.api_clients import organization


def test_every_number_in_a_path_is_read_from_digits() -> None:
    refused = [
        f"{route.path} {parameter.alias}"
        for router in routers()
        for route in router.routes
        if isinstance(route, APIRoute)
        for parameter in route.dependant.path_params
        if parameter.field_info.annotation is int and parameter.validate("7", {}, loc=("path",))[1]
    ]
    assert refused == []


async def test_a_customer_report_is_answered_over_the_api(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("POST", "/incidents", {"title": "Cards fail", "severity": "SEV3"}, status=201)
        report = await api("POST", "/incidents/INC-1/reports", {"text": "We cannot pay"}, status=201)
        assert report["answered_at"] is None
        answered = await api("POST", f"/incidents/INC-1/reports/{report['id']}/answer")
        assert answered["answered_at"] == "2026-11-24T03:14:00Z"
        await api("POST", f"/incidents/INC-1/reports/{report['id']}/answer", status=404)
