"""An error page keeps the navigation, suggests what was meant, and names who can help."""

import ast

import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import Role
from tests.api.api_clients import TEST, Api, browser, key_of, sign_in
from tests.api.test_a_service_links_to_everything_about_it import links
from tests.house.source import SRC
from tests.world import world

NAVIGATION = '<nav aria-label="Main"'


@pytest.mark.parametrize(
    "path", ["/nowhere", "/services/nowhere", "/pages/PG-99", "/pages/x", "/settings/x/y"]
)
async def test_an_unknown_address_keeps_the_navigation_of_who_is_signed_in(
    dsn: str, clock: FakeClock, path: str
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        answer = await http.get(path)
        assert answer.status_code == 404
        assert NAVIGATION in answer.text
        assert "firebell page" not in answer.text


async def test_a_stranger_learns_nothing_at_an_unknown_address(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        for path in ("/nowhere", "/service/checkout"):
            answer = await http.get(path)
            assert (answer.status_code, NAVIGATION in answer.text) == (404, False)
            assert "checkout" not in answer.text.replace(path, "")
            assert "/services" not in answer.text


async def test_similar_addresses_are_suggested(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await w.alert()
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, TEST, title="Down", severity=2, now=w.now)
        await sign_in(w, http, w.mara)
        for path, address in {
            "/service": "/services",
            "/services/chekout": "/services/checkout",
            "/escalation/payment": "/escalation/payments",
            "/oncall/payments": "/oncall/payments-primary",
            "/pages/PG-10": "/pages/PG-1",
            "/incidents/INC-12": "/incidents/INC-1",
        }.items():
            answer = await http.get(path)
            assert answer.status_code == 404
            assert address in links(answer.text), path


async def test_a_refusal_names_who_can_change_the_role(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            viewer = await people.create_person(
                tx, TEST, name="Vera", email="v@example.org", role=Role.VIEWER, tz="UTC", now=w.now
            )
        await sign_in(w, http, viewer.id)
        for path in ("/settings/people", "/pages/new"):
            answer = await http.get(path)
            assert answer.status_code == 403
            assert NAVIGATION in answer.text
            assert "Mara Lindqvist" in answer.text


async def test_the_command_line_still_shows_the_command(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        assert "firebell page list" in (await api("GET", "/pages/PG-99", status=404))["hint"]
        assert (
            "firebell handbook list"
            in (await api("GET", "/handbook/chapter", status=404, slug="zzz"))["hint"]
        )


def test_no_hint_of_an_error_names_a_command() -> None:
    wrong = [
        f"{path.name}: {ast.unparse(node.value)}"
        for path in sorted(SRC.rglob("*.py"))
        if "commands" not in path.parts and path.name != "cli.py"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword) and node.arg == "hint" and "firebell " in ast.unparse(node.value)
    ]
    assert wrong == []
