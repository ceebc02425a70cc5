"""A route is analyzed when the first request for it arrives, so that a start does not wait for all of them."""

import asyncio
from http import HTTPStatus

from httpx import ASGITransport, AsyncClient

from firebell.kit.web.api import Api, ApiOutput
from firebell.kit.web.api import router as api_router
from firebell.kit.web.routing import RouteGroup


class Thing(ApiOutput):
    """A response."""

    name: str


async def test_an_alert_does_not_wait_until_the_api_is_described() -> None:
    app, router = Api(), api_router("things")

    async def thing(name: str, size: int = 1) -> Thing:
        return Thing(name=name)

    for number in range(300):
        router.add_api_route(f"/things/{{name}}/{number}", thing, name=f"thing_{number}")
    app.router.routes.append(RouteGroup(router))
    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as http:
        describing = asyncio.create_task(http.get("/openapi.json"))
        turns = 0
        while not describing.done():
            await asyncio.sleep(0)
            turns += 1
    document = describing.result().json()
    assert (len(document["paths"]), turns > 100) == (300, True)


async def test_a_route_is_analyzed_when_the_first_request_for_it_arrives() -> None:
    app, router = Api(), api_router("things")

    @router.get("/things/{name}", status_code=HTTPStatus.ACCEPTED)
    async def thing(name: str, size: int = 1) -> dict[str, int]:
        return {name: size}

    @router.post("/things/{name}")
    async def change(name: str) -> None: ...

    app.router.routes.append(RouteGroup(router))
    asked_for, other = app.routes[-2:]
    transport = ASGITransport(app)
    async with AsyncClient(transport=transport, base_url="http://test") as http:
        assert (await http.put("/api/v1/things/a")).status_code == 405
        assert "dependant" not in vars(asked_for)
        response = await http.get("/api/v1/things/a?size=3")
        assert (response.status_code, response.json()) == (202, {"a": 3})
        assert (await http.get("/api/v1/things/a?size=x")).status_code == 422
        assert (await http.post("/api/v1/things/a/", follow_redirects=False)).status_code == 307
    assert "dependant" in vars(asked_for)
    assert "dependant" not in vars(other)
