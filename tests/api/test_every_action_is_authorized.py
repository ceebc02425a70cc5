"""Each action checks who may do it, as its routes do, whoever calls it."""

import ast
import dataclasses
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import pytest

from firebell.alerts import actions as alerts
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Forbidden
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.swaps import time_off
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import Internal, Permits, decision_of
from firebell.people.model import SCOPES, Role
from firebell.people.permissions import Rights
from firebell.people.route_access import Public
from firebell.postmortems import actions as postmortems
from tests.api.full_organization import entrances
from tests.house.source import SLICES, SRC, modules
from tests.world import World, world

EDGES = ("web", "api", "store", "queries", "timers", "slice", "access", "action_permissions")
"""How the names of modules without actions end: edges check at their routes, stores check nothing."""


def actions() -> Iterator[tuple[str, Any]]:
    """Yield each public function of a slice that takes a transaction and an actor, with its name."""
    for path, tree in modules():
        name = ".".join(path.relative_to(SRC).with_suffix("").parts)
        if name.split(".")[0] not in SLICES or name.endswith(EDGES):
            continue
        for node in tree.body:
            if not isinstance(node, ast.AsyncFunctionDef) or node.name.startswith("_"):
                continue
            parameters = [(a.arg, ast.unparse(a.annotation) if a.annotation else "") for a in node.args.args]
            if ("tx", "Tx") in parameters and any(kind == "Actor" for _, kind in parameters):
                yield f"{name}.{node.name}", getattr(importlib.import_module(f"firebell.{name}"), node.name)


def test_each_action_states_its_decision() -> None:
    named = dict(actions())
    assert len(named) > 80
    assert [name for name, action in named.items() if decision_of(action) is None] == []
    for name, action in named.items():
        decision = decision_of(action)
        if isinstance(decision, Internal):
            assert decision.reason.endswith("."), name
        elif isinstance(decision, Permits) and decision.own:
            assert decision.own.split(".")[0] in inspect.signature(action).parameters, name


def test_no_module_but_the_slices_has_actions() -> None:
    slices = {path.relative_to(SRC).parts[0] for path, _ in modules() if path.name == "actions.py"}
    assert slices <= SLICES


def _calls(function: Any, depth: int = 2) -> Iterator[Any]:
    """Yield the actions that a handler calls itself or through helpers of its module."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    names = function.__globals__
    for node in ast.walk(tree):
        called: Any = None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = names.get(node.value.id)
            called = getattr(owner, node.attr, None) if isinstance(owner, ModuleType) else None
        elif isinstance(node, ast.Name):
            called = names.get(node.id)
            if depth and isinstance(called, FunctionType) and called.__module__ == function.__module__:
                yield from _calls(called, depth - 1)
        if called is not None and decision_of(called) is not None:
            yield called


def _everyone() -> list[Rights]:
    keys = [
        Rights(role, held) for role in Role for held in (frozenset(SCOPES), *(frozenset({s}) for s in SCOPES))
    ]
    return [*(Rights(role) for role in Role), *keys]


async def test_an_action_allows_the_roles_that_its_routes_allow(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        wrong, reached = [], set()
        for entrance in entrances(w):
            (route,) = entrance.decisions
            for action in _calls(entrance.route.endpoint):
                decision = decision_of(action)
                reached.add(action)
                if isinstance(route, Public):
                    continue
                assert isinstance(decision, Permits), f"{entrance.path} calls {action.__name__}"
                verbs = {decision.verb, decision.others or decision.verb}
                wrong += [
                    (entrance.method, entrance.path, action.__name__, decision.verb)
                    for rights in _everyone()
                    if permissions.allows(rights, route.verb)
                    and not any(permissions.allows(rights, verb) for verb in verbs)
                ]
        assert sorted(set(wrong)) == []
        assert len(reached) > 60


VIEWER = Rights(Role.VIEWER)
NARROW = Rights(Role.ADMIN, frozenset({"pages:read"}))


async def _verbs(w: World, actor: Actor) -> list[Any]:
    """Return one action of each slice, ready to run, by `actor`."""
    page = await w.page()
    async with w.ctx.db.tx() as tx:
        policy = (await paging.policies(tx))[0]
    more: dict[str, Any] = {"now": w.now}
    colleague = w.jun if actor.person_id == w.mara else w.mara
    return [
        lambda tx: paging.ack(tx, actor, page.id, w.now),
        lambda tx: paging.delete_policy(tx, actor, policy, w.now),
        lambda tx: incidents.set_severity(tx, actor, 1, 0, "Search is down", w.now),
        lambda tx: postmortems.start(tx, actor, 1, w.now),
        lambda tx: oncall.delete_schedule(tx, actor, 1, w.now),
        lambda tx: alerts.create_integration(tx, actor, service_id=w.service, name="Second", **more),
        lambda tx: people.create_team(tx, actor, name="Search", **more),
        lambda tx: people.update_person(tx, actor, colleague, name="Someone else", **more),
        lambda tx: people.update_person(tx, actor, actor.person_id or 0, role="manager", **more),
    ]


@pytest.mark.parametrize("rights", [VIEWER, NARROW], ids=["viewer", "narrow key"])
async def test_the_action_itself_refuses_who_may_not_do_it(
    rights: Rights, dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        kind = "person" if rights.key_scopes is None else "key"
        actor = Actor(kind, "Mara Lindqvist", w.mara, rights)
        for verb in await _verbs(w, actor):
            with pytest.raises(Forbidden):
                async with w.ctx.db.tx() as tx:
                    await verb(tx)


async def test_an_actor_without_rights_gets_those_of_their_current_role(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        bare = Actor("person", "Jun Okafor", w.jun)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, w.jun, role="viewer", now=w.now)
        for verb in await _verbs(w, bare):
            with pytest.raises(Forbidden):
                async with w.ctx.db.tx() as tx:
                    await verb(tx)
        for unknown in (
            Actor("key", "A key", w.mara),
            Actor("person", "No one", 999_999),
            Actor("visitor", "x"),
        ):
            with pytest.raises(Forbidden):
                async with w.ctx.db.tx() as tx:
                    await paging.ack(tx, unknown, (await w.page()).id, w.now)


async def test_a_link_opens_its_page_and_nothing_else(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        link = Actor("link", "Jun Okafor", w.jun)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, SYSTEM, w.jun, role="viewer", now=w.now)
            with pytest.raises(Forbidden):
                await people.create_team(tx, link, name="Search", now=w.now)
            await paging.ack(tx, link, (await w.page()).id, w.now)


async def test_time_off_of_someone_else_is_canceled_by_a_manager_alone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        start, end = w.now.replace(day=28), w.now.replace(day=29)
        jun = Actor("person", "Jun Okafor", w.jun, Rights(Role.RESPONDER))
        async with w.ctx.db.tx() as tx:
            absence, _ = await time_off.add(
                tx, SYSTEM, person_id=w.mara, start=start, end=end, reason="", now=w.now
            )
        with pytest.raises(Forbidden):
            async with w.ctx.db.tx() as tx:
                await time_off.cancel(tx, jun, absence.id, w.now)
        async with w.ctx.db.tx() as tx:
            manager = dataclasses.replace(jun, rights=Rights(Role.MANAGER))
            await time_off.cancel(tx, manager, absence.id, w.now)
