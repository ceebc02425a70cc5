"""A slice is registered by one entry in `slices.SLICES`, and what was registered keeps its order."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import click
import httpx
import pytest
from click.testing import CliRunner
from fastapi import APIRouter, Response
from starlette.routing import Match, Route

from firebell import app, cli, event_subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db, Tx
from firebell.kit.jobs.timers import Timer, schedule
from firebell.kit.slice import (
    Command,
    DeclarationError,
    NavItem,
    Section,
    SettingsGroup,
    SettingsTab,
    Slice,
    Subscriptions,
)
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.slices import SLICES
from firebell.worker import Worker, timer_handlers
from tests.api.api_clients import sign_in
from tests.world import world

ROUTERS = [
    "people.sign_in.web",
    "people.profile_web",
    "people.contact_methods.web",
    "people.verification.web",
    "people.api_keys.web",
    "people.person_web",
    "people.teams.web",
    "people.audit_log.web",
    "people.api",
    "people.contact_methods.webhook_secret_api",
    "people.verification.api",
    "people.api_keys.api",
    "people.sessions.api",
    "handbook.template_web",
    "handbook.web",
    "handbook.api",
    "catalog.api",
    "runbooks.web",
    "runbooks.api",
    "alerts.web",
    "alerts.api",
    "alerts.change_events.api",
    "handoffs.web",
    "handoffs.api",
    "workload.web",
    "workload.api",
    "oncall.calendars.web",
    "oncall.calendars.api",
    "oncall.swaps.web",
    "oncall.schedules.editor_web",
    "oncall.schedules.change_web",
    "oncall.schedules.on_call_web",
    "oncall.schedules.new_schedule_web",
    "oncall.schedules.web",
    "oncall.schedules.on_call_api",
    "oncall.schedules.api",
    "oncall.swaps.api",
    "paging.page_list.web",
    "paging.web",
    "paging.policies.web",
    "paging.page_list.api",
    "paging.api",
    "paging.offline_actions.api",
    "incidents.messages.web",
    "incidents.incident_list.web",
    "incidents.web",
    "incidents.api",
    "postmortems.web",
    "postmortems.api",
    "service_overview.service_list.web",
    "service_overview.dependencies.web",
    "service_overview.web",
    "service_overview.dependencies.api",
    "service_overview.api",
    "search.web",
    "search.api",
    "account.sessions_web",
    "account.deactivation_web",
    "undo.web",
    "undo.api",
    "setup.web",
    "dashboard.web",
    "offline",
]
"""The modules of the routers, in matching order."""
MUST = {
    "GroupsOpened": ["start_groups"],
    "GroupsChanging": ["lock_groups"],
    "GroupsGrown": ["grow_groups"],
    "GroupsRetitled": ["retitle_groups"],
    "GroupsRaised": ["raise_groups"],
    "GroupsResolved": ["resolve_groups"],
    "GroupsAcknowledged": ["acknowledge_groups"],
    "AccessRevoked": ["revoke_feeds"],
    "PersonLeft": ["withdraw", "release_pages", "void_deliveries"],
    "QuietHoursChanged": ["release_held"],
    "ScheduleDeleted": ["refuse_schedule_deletion"],
}
THEN = {
    "ConfirmationRequested": ["notify_confirmation_asked"],
    "ContactCodeRequested": ["send_contact_code"],
    "ContactMethodDisabled": ["notify_contact_disabled"],
    "ContactTestRequested": ["send_contact_test"],
    "CoverAsked": ["tell_cover_asked"],
    "CoverDeclined": ["tell_cover_declined"],
    "CoverLapsed": ["tell_cover_lapsed"],
    "CoverTaken": ["tell_cover_taken"],
    "ErrorsFound": ["tell_errors_found"],
    "IncidentClosed": ["draft_postmortem"],
    "PersonLeft": ["look_at_shifts"],
    "ScheduleChanged": ["tell_schedule_changed"],
    "UnreadableMessageReceived": ["tell_source_broken"],
    "SwapDecided": ["tell_swap_decided"],
    "SwapLapsed": ["tell_swap_lapsed"],
    "SwapProposed": ["tell_swap_proposed"],
}
TIMERS = [
    "alerts.broken",
    "handoffs.shift",
    "incidents.stable",
    "incidents.update_due",
    "kit.retention",
    "oncall.checks",
    "oncall.clocks",
    "oncall.cover",
    "oncall.swap",
    "paging.page",
]
COMMANDS = [
    "serve",
    "work",
    "migrate",
    "doctor",
    "demo",
    "classify",
    "login",
    "search",
    "alert",
    "page",
    "declare",
    "incident",
    "oncall",
    "policy",
    "contact",
    "service",
    "runbook",
    "template",
    "handbook",
    "session",
    "undo",
]


def kept(built: Iterable[str], before: Sequence[str]) -> list[str]:
    """Return those of `built` that are in `before`: new ones may be anywhere."""
    return [name for name in built if name in before]


def test_requests_are_held_against_the_routers_in_the_same_order() -> None:
    modules = [
        route.endpoint.__module__.removeprefix("firebell.")
        for router in app.routers()
        for route in router.routes
        if isinstance(route, Route)
    ]
    assert kept(dict.fromkeys(modules), ROUTERS) == ROUTERS


def test_no_route_is_hidden_by_an_earlier_one() -> None:
    routes = [route for router in app.routers() for route in router.routes if isinstance(route, Route)]
    for route in routes:
        path = re.sub(r"\{[^}]*\}", "1", route.path)
        for method in route.methods or ():
            scope = {"type": "http", "path": path, "method": method, "root_path": "", "headers": []}
            first = next(each for each in routes if each.matches(dict(scope))[0] is Match.FULL)
            assert first is route, f"{method} {route.path} is hidden by {first.path}"


def test_each_event_has_the_same_handlers_in_the_same_order() -> None:
    reactions = event_subscriptions.build()
    must = {event.__name__: [handler.__name__ for handler in run] for event, run in reactions.must.items()}
    then = {event.__name__: list(names) for event, names in reactions.then.items()}
    assert {event: kept(must[event], handlers) for event, handlers in MUST.items()} == MUST
    assert {event: kept(then[event], names) for event, names in THEN.items()} == THEN


def test_the_worker_knows_the_same_timers_and_outbox_handlers() -> None:
    assert set(TIMERS) <= set(timer_handlers())
    assert {name for names in THEN.values() for name in names} <= set(event_subscriptions.outbox_handlers())


def test_help_lists_the_same_commands_in_the_same_order() -> None:
    assert kept(cli.commands(), COMMANDS) == COMMANDS


def test_the_links_of_the_shell_lead_to_pages_and_name_verbs_that_exist() -> None:
    paths = {route.path for router in app.routers() for route in router.routes if isinstance(route, Route)}
    for link in app.navigation():
        assert link.href in paths
        assert not link.verb or Verb(link.verb)


@dataclass(frozen=True, slots=True)
class Rung:
    """An event of the toy."""

    name: str


HAPPENED: list[str] = []


async def count_now(tx: Tx, event: Rung, now: datetime) -> None:
    """Handle the toy's event inside its transaction."""
    HAPPENED.append(f"must {event.name}")


async def count_later(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Handle the toy's event from the outbox."""
    HAPPENED.append(f"then {payload['name']}")


async def ring(tx: Tx, due_timers: Sequence[Timer], now: datetime) -> Sequence[Timer]:
    """Run the toy's timers."""
    for timer in due_timers:
        await tx.emit(Rung(timer.key), now)
    return ()


def _routers() -> list[APIRouter]:
    router = APIRouter(include_in_schema=False)

    @router.get("/toy", dependencies=route_access.public("A toy."))
    async def toy_page() -> Response:
        return Response("ding")

    return [router]


@click.command()
def toy() -> None:
    """Ring once."""
    click.echo("ding")


TOY = Slice(
    "toy",
    routers=_routers,
    timers=lambda: {"toy.ring": ring},
    subscriptions=lambda: Subscriptions({Rung: (count_now,)}, {Rung: {"count_toy": count_later}}),
    commands=(Command("toy", "Ring a toy.", __name__),),
    navigation=(NavItem(Section.LEARN, 100, "/toy", "bell-ring", "Toys", name="toys"),),
    settings_tabs=(SettingsTab(SettingsGroup.YOU, 100, "/toy/settings", "Toys", "toys"),),
)
WITH_TOY = (*SLICES, TOY)


async def test_the_app_serves_a_new_slice_and_links_to_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        transport = httpx.ASGITransport(app=app.build(w.ctx, WITH_TOY))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            assert (await http.get("/toy")).text == "ding"
            await sign_in(w, http, w.mara)
            for path in ("/runbooks", "/more"):
                answer = await http.get(path)
                assert answer.status_code == 200
                assert answer.text.count('<a href="/toy"') == (2 if path == "/more" else 1)
            assert (await http.get("/settings")).text.count('<a href="/toy/settings"') == 1


async def test_the_worker_runs_the_timers_and_handlers_of_a_new_slice(dsn: str, clock: FakeClock) -> None:
    HAPPENED.clear()
    async with world(dsn, clock) as w:
        db = await Db.connect(dsn, event_subscriptions.build(WITH_TOY), size=2)
        ctx = replace(w.ctx, db=db, work_db=db)
        try:
            async with db.tx() as tx:
                await schedule(tx, "toy.ring", "7", w.now)
            worker = Worker(ctx, timer_handlers(WITH_TOY), event_subscriptions.outbox_handlers(WITH_TOY))
            await worker.settle(w.now)
        finally:
            await db.close()
    assert HAPPENED == ["must 7", "then 7"]


def test_the_terminal_lists_and_runs_the_command_of_a_new_slice() -> None:
    group = cli.LazyGroup("firebell", slices=WITH_TOY)
    assert list(group.declared)[-1] == "toy"
    assert "Ring a toy." in CliRunner().invoke(group, ["--help"]).output
    assert CliRunner().invoke(group, ["toy"]).output == "ding\n"


def _claims(path: str) -> Slice:
    def claimed() -> list[APIRouter]:
        router = APIRouter()
        router.add_api_route(path, lambda: None)
        return [router]

    return Slice("rival", routers=claimed)


Build = Callable[[Sequence[Slice]], Mapping[str, object]]


@pytest.mark.parametrize(
    ("build", "rival", "claim"),
    [
        (timer_handlers, Slice("rival", timers=lambda: {"paging.page": ring}), "paging.page"),
        (
            event_subscriptions.outbox_handlers,
            Slice("rival", subscriptions=lambda: Subscriptions({}, {Rung: {"look_at_shifts": count_later}})),
            "look_at_shifts",
        ),
        (cli.commands, Slice("rival", commands=(Command("page", "", "x"),)), "page"),
    ],
    ids=["timer", "outbox handler", "command"],
)
def test_two_slices_cannot_claim_the_same_name(build: Build, rival: Slice, claim: str) -> None:
    with pytest.raises(DeclarationError, match=rf" {claim} is declared by \w+ and by rival"):
        build((*SLICES, rival))


@pytest.mark.parametrize("path", ["/pages/{page_id}", "/healthz"], ids=["of a slice", "of the app"])
async def test_two_slices_cannot_claim_the_same_route(path: str, dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        with pytest.raises(DeclarationError, match=r"GET /(pages/\{\}|healthz) is declared by .*rival"):
            await app.build(w.ctx, (*SLICES, _claims(path))).load()
