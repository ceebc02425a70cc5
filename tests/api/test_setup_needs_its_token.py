"""Setup from another machine needs the token printed in the terminal."""

import re
from datetime import timedelta

import httpx
import pytest

from firebell.app import build
from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.process import connected
from firebell.setup import token as setup_token
from tests.world import settings

FORM = {
    "organization": "Kestrel",
    "name": "Mara",
    "email": "mara@example.org",
    "password": "a quiet night please",
    "tz": "UTC",
    "team": "Payments",
    "service": "Checkout",
}


def client(ctx: Context, address: str, host: str = "127.0.0.1:8080") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=build(ctx), client=(address, 50_000))
    return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


def token_in(page: httpx.Response) -> str:
    match = re.search(r'name="token" value="([^"]+)"', page.text)
    assert match
    return match[1]


async def people(ctx: Context) -> int:
    async with ctx.db.tx() as tx:
        return int(await tx.value("select count(*) from person"))


async def test_this_machine_sets_up_without_a_token(dsn: str, clock: FakeClock) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        form = {**FORM, "token": token_in(await http.get("/setup"))}
        done = await http.post("/setup", data=form)
        assert (done.status_code, done.headers["location"]) == (303, "/setup/done?service=checkout")
        assert (await http.get("/setup")).status_code == 303


@pytest.mark.parametrize(
    ("address", "host", "headers"),
    [
        ("10.0.0.7", "127.0.0.1:8080", {}),
        ("127.0.0.1", "10.0.0.9:8080", {"X-Forwarded-For": "127.0.0.1"}),
    ],
)
async def test_from_another_machine_only_the_printed_token_opens_setup(
    dsn: str, clock: FakeClock, address: str, host: str, headers: dict[str, str]
) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, address, host) as http:
        http.headers.update(headers)
        for path in ("/setup", "/setup?token=guessed"):
            assert (await http.get(path)).status_code == 403
        for form in (FORM, {**FORM, "token": "guessed"}):
            assert (await http.post("/setup", data=form)).status_code == 403
        assert await people(ctx) == 0
        printed = setup_token.link(ctx).partition("/setup")[2]
        page = await http.get(f"/setup{printed}")
        assert page.status_code == 200
        clock.advance(timedelta(days=1))
        assert (await http.get(f"/setup{printed}")).status_code == 403
        fresh = setup_token.link(ctx).partition("token=")[2]
        assert (await http.post("/setup", data={**FORM, "token": fresh})).status_code == 303
        assert await people(ctx) == 1


async def test_setup_is_refused_under_an_unknown_host(dsn: str, clock: FakeClock) -> None:
    async with (
        connected(settings(), dsn, clock) as ctx,
        client(ctx, "127.0.0.1", "evil.example:8080") as http,
    ):
        token = setup_token.link(ctx).partition("token=")[2]
        assert (await http.get("/setup")).status_code == 421
        assert (await http.post("/setup", data={**FORM, "token": token})).status_code == 421
        assert await people(ctx) == 0


async def test_a_page_of_another_site_cannot_send_the_first_form(dsn: str, clock: FakeClock) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        assert (await http.post("/setup", data=FORM)).status_code == 403
        assert await people(ctx) == 0
