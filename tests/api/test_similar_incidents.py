"""Incidents that may be the same are suggested while someone declares, and never stand in the way."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.declaring.similar_queries import similar_incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in
from tests.api.test_long_lists_on_the_web import declare
from tests.world import World, world

TITLE = "Card payments failing at checkout"


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    async with world(dsn, clock) as opened:
        yield opened


async def declared(w: World, title: str = TITLE, **more: Any) -> int:
    """Declare an incident and return its id."""
    w.clock.advance(timedelta(seconds=11))
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, await w.actor(w.mara), title=title, severity=2, now=w.now, **more
        )
    return incident.id


async def dismiss(w: World, incident_id: int) -> None:
    async with w.ctx.db.tx() as tx:
        await incidents.set_phase(
            tx, await w.actor(w.mara), incident_id, Phase.DISMISSED, w.now, reason="A false alarm"
        )


async def similar(w: World, title: str, **more: Any) -> list[int]:
    async with w.ctx.db.tx() as tx:
        return [i.id for i in await similar_incidents(tx, title, w.now, **more)]


@pytest.mark.parametrize(
    ("title", "suggested"),
    [
        (TITLE, True),
        ("card payment fails", True),
        ("Payments fail for customers at the checkout", True),
        ("CHECKOUT: cards failed", True),
        ("Search results are slow", False),
        ("The the the", False),
        ("x" * 200, False),
        ("'; drop & | ! :* incident", False),
    ],
)
async def test_the_same_problem_in_other_words_is_suggested(w: World, title: str, suggested: bool) -> None:
    same = await declared(w)
    await declared(w, "Label printing down at two depots")
    assert await similar(w, title) == ([same] if suggested else [])


async def test_words_in_any_script_are_compared(w: World) -> None:
    one = await declared(w, "Сбой оплаты картой в магазине")
    assert await similar(w, "оплата картой не работает") == [one]


async def test_two_words_suggest_nothing_until_a_question_is_answered(w: World) -> None:
    same = await declared(w)
    assert await similar(w, "Card payments") == []
    assert await similar(w, "Card payments", answered=True) == [same]


async def test_an_incident_is_suggested_for_two_hours_after_it_ended(w: World) -> None:
    same = await declared(w)
    await dismiss(w, same)
    w.clock.advance(timedelta(hours=1, minutes=59))
    assert await similar(w, TITLE) == [same]
    w.clock.advance(timedelta(minutes=2))
    assert await similar(w, TITLE) == []


async def test_three_at_most_and_the_same_service_first(w: World) -> None:
    ids = [await declared(w) for _ in range(4)]
    with_service = await declared(w, service_ids=[w.service])
    suggested = await similar(w, TITLE, service_ids=[w.service])
    assert suggested == [with_service, ids[3], ids[2]]


async def test_drills_are_not_suggested(w: World) -> None:
    await declared(w, drill=True)
    assert await similar(w, TITLE) == []


async def test_the_form_suggests_while_typing_and_still_declares(w: World) -> None:
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        same = await declared(w)
        typed = {"csrf": csrf, "title": "Card payments fail again"}
        preview = await http.post("/incidents/new?preview=yes", data=typed)
        assert preview.status_code == 200
        assert f'formaction="/incidents/INC-{same}/roles"' in preview.text
        assert "<h1>" not in preview.text
        joined = await http.post(f"/incidents/INC-{same}/roles", data={**typed, "role": "responder"})
        assert joined.headers["location"] == f"/incidents/INC-{same}"
        answer = await declare(http, title="Card payments fail again", severity="2")
        assert answer.status_code == 303


async def test_similar_incidents_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        same = await declared(w)
        (one,) = await api("GET", "/incidents/similar", title="card payments fail")
        assert (one["ref"], one["phase"], one["closed_at"]) == (f"INC-{same}", "declared", None)
        assert datetime.fromisoformat(one["declared_at"]) == w.now
        assert await api("GET", "/incidents/similar", title="cards") == []
        await api("GET", "/incidents/similar", status=422)
        await api("GET", "/incidents/similar", title="card payments fail", service="nowhere", status=404)
