"""Search: commands match their synonyms, and hits are grouped, best first."""

from collections.abc import Callable

import pytest
from starlette.routing import Route

from firebell.app import routers
from firebell.handbook import palette_search, shipped_content
from firebell.handbook.chapter_parser import headings
from firebell.kit.search_terms import parse
from firebell.people import permissions
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb
from firebell.search import commands
from firebell.search.model import KINDS, GroupName, Hit, Kind
from firebell.search.ranking import results


def may(role: Role) -> Callable[[Verb], bool]:
    return lambda verb: permissions.allows(Rights(role), verb)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("ack", "/pages?state=waiting"),
        ("acknowledge", "/pages?state=waiting"),
        ("oncall", "/oncall"),
        ("on-call", "/oncall"),
        ("who on call", "/oncall"),
        ("override", "/oncall"),
        ("create override", "/oncall"),
        ("declare", "/incidents/new"),
        ("test alert", "/settings/contact"),
        ("postmortem", "/post-mortems"),
        ("vacation", "/oncall/me"),
    ],
)
def test_a_command_is_found_by_its_synonyms(query: str, path: str) -> None:
    assert path in [c.path for c in commands.search(parse(query), may(Role.RESPONDER))]


def test_a_viewer_is_not_offered_what_only_others_may_do() -> None:
    viewer = {c.path for c in commands.allowed(may(Role.VIEWER))}
    admin = {c.path for c in commands.allowed(may(Role.ADMIN))}
    assert {"/pages/new", "/settings/people", "/settings/audit"} <= admin - viewer


def test_every_command_leads_to_a_page_that_exists() -> None:
    routes = {route.path for router in routers() for route in router.routes if isinstance(route, Route)}
    chapters = {f"/handbook/{chapter.slug}" for chapter in shipped_content.chapters()}
    paths = {command.path.partition("?")[0] for command in commands.COMMANDS}
    assert paths - routes - chapters == set()


def test_every_kind_is_in_exactly_one_group() -> None:
    grouped = [kind for kinds in KINDS.values() for kind in kinds]
    assert sorted(grouped) == sorted(Kind)
    assert set(KINDS) == set(GroupName)


def test_the_best_match_is_in_no_group_and_a_group_counts_the_rest() -> None:
    hits = [Hit(Kind.PAGE, f"Payments {n}", "", f"/pages/PG-{n}") for n in range(7)]
    team = Hit(Kind.TEAM, "Payments", "", "/oncall")
    ranked = results(parse("payments"), [*hits, team], None, 5)
    assert ranked.best == team
    assert [(g.name, len(g.hits), g.more) for g in ranked.groups] == [(GroupName.INCIDENTS, 5, True)]


def test_an_open_incident_comes_before_a_closed_one_of_the_same_title() -> None:
    old = Hit(Kind.INCIDENT, "Checkout down", "", "/incidents/INC-9")
    live = Hit(Kind.INCIDENT, "Checkout down", "", "/incidents/INC-3", is_open=True)
    assert results(parse("checkout"), [old, live], None, 5).best == live


def test_an_open_page_comes_first_in_its_group_however_well_others_match() -> None:
    over = [Hit(Kind.PAGE, f"Ledger {n}", "", f"/pages/PG-{n}") for n in range(7)]
    live = Hit(Kind.INCIDENT, "Slow ledger", "", "/incidents/INC-3", is_open=True)
    assert results(parse("ledger"), [*over, live], None, 5).groups[0].hits[0] == live


def test_two_commands_with_one_page_are_both_listed() -> None:
    hits = [Hit(Kind.COMMAND, label, "", "/oncall") for label in ("See who is on call", "Create override")]
    ranked = results(parse("oncall"), hits, None, 5)
    assert ranked.best == hits[0]
    assert ranked.groups[0].hits == (hits[1],)


def test_an_exact_identifier_is_always_the_best_match() -> None:
    named = Hit(Kind.PAGE, "Disk full", "", "/pages/PG-12", ref="PG-12")
    other = Hit(Kind.SERVICE, "12", "", "/services/12")
    assert results(parse("12"), [named, other], named, 5).best == named


def test_a_chapter_is_reached_at_the_heading_that_matched() -> None:
    for chapter in shipped_content.chapters():
        if not chapter.is_code:
            read = [(h.text, h.anchor) for h in headings(chapter.text)]
            assert set(palette_search._headings(chapter)) <= set(read), chapter.path
