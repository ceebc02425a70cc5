"""Every route for every role and key scope: who gets in, what they see, and what they are offered."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
from fastapi import Request, Response

from firebell.app import build
from firebell.kit.clock import FakeClock
from firebell.people import permissions, route_access
from firebell.people.model import SCOPES, Role
from firebell.people.permissions import Rights, Verb
from firebell.people.route_access import ApiDecision, PageDecision, Public
from tests.api.api_clients import browser, key_of, sign_in
from tests.api.full_organization import Entrance, Everything, Finder, entrances, everything, finder, leaves
from tests.world import World, world

NOT_OURS = {"/api/v1/openapi.json", "/static"}
"""Routes that FastAPI and Starlette serve themselves; they contain only what the program ships."""
ENDS_THE_SESSION = {
    *("/logout", "/settings/password", "/settings/access/revoke", "/api/v1/me/access", "/api/v1/me/sessions"),
    *("/settings/sessions/end-others", "/settings/sessions/{session_id}/end"),
    "/api/v1/me/sessions/{session_id}",
}
CHECKS_SIGNATURES = {
    *("/chat/slack", "/chat/teams", "/in/runbooks/{source_id}", "/in/channel/{channel}/{provider}/{hook}"),
    *("/chat/mattermost/command", "/chat/mattermost/action", "/chat/mattermost/dialog"),
    *("/in/trackers/{tracker_id}", "/in/trackers/{tracker_id}/{token}"),
    "/in/public/sms/{provider}/{hook}",
}
"""Addresses of machines that sign what they send; they have their own tests."""
CHANGING = ("POST", "PUT", "PATCH", "DELETE")
LINKS = re.compile(r'<a [^>]*href="(/[^"]*)"')
FORMS = re.compile(r'<form method="post" action="(/[^"]*)"')


@dataclass(frozen=True, slots=True)
class Visitor:
    """A client with a session, a key or neither; `rights` is None for a stranger."""

    name: str
    http: httpx.AsyncClient
    rights: Rights | None = None
    key: str = ""
    csrf: str = ""

    async def ask(self, entrance: Entrance, *, real: bool = False) -> httpx.Response:
        """Send an empty request to a route."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        address = entrance.address(real=real)
        if entrance.method not in CHANGING:
            return await self.http.get(address, headers=headers)
        if entrance.is_api:
            more = {"X-CSRF": self.csrf} if self.csrf else {}
            return await self.http.request(entrance.method, address, headers={**headers, **more}, json=[])
        return await self.http.post(address, headers=headers, data={"csrf": self.csrf})


@cache
def scopes_for(verb: Verb) -> frozenset[str]:
    """Return the scopes of which one alone lets an admin's key do this."""
    return frozenset(
        scope for scope in SCOPES if permissions.allows(Rights(Role.ADMIN, frozenset({scope})), verb)
    )


def tells_nothing(entrance: Entrance, visitor: Visitor) -> bool:
    """Return True for a key that is neither one scope which opens this, nor all scopes which do not."""
    (decision,) = entrance.decisions
    if "key with" not in visitor.name or isinstance(decision, Public):
        return False
    assert visitor.rights
    assert visitor.rights.key_scopes
    held, opening = visitor.rights.key_scopes, scopes_for(decision.verb)
    return held != frozenset(SCOPES) - opening and not (len(held) == 1 and held <= opening)


@asynccontextmanager
async def visitors(e: Everything) -> AsyncIterator[list[Visitor]]:
    """Yield a stranger, each role with a session and with a full key, and keys of an admin.

    They have one scope, or all but those that open some routes: where such a key is refused, each of its scopes is.
    """
    app = build(e.w.ctx)
    async with AsyncExitStack() as stack:

        async def client() -> httpx.AsyncClient:
            return await stack.enter_async_context(browser(e.w, app=app))

        plain = await client()
        visitors_ = [Visitor("stranger", plain)]
        for role in Role:
            http = await client()
            csrf = await sign_in(e.w, http, e.people[role])
            visitors_.append(Visitor(f"{role}", http, Rights(role), csrf=csrf))
            rights = Rights(role, permissions.ROLE_SCOPES[role])
            visitors_.append(Visitor(f"key of {role}", plain, rights, e.keys[role]))
        held = [frozenset({scope}) for scope in SCOPES]
        held += sorted({frozenset(SCOPES) - scopes_for(v) for v in Verb} - {frozenset(), *held}, key=sorted)
        for scopes in held:
            key = await key_of(e.w.ctx.db, e.w.clock, e.people[Role.ADMIN], sorted(scopes))
            name = f"key with {', '.join(sorted(scopes))}"
            visitors_.append(Visitor(name, plain, Rights(Role.ADMIN, scopes), key))
        yield visitors_


def outcome(answer: httpx.Response) -> str:
    """Return the outcome of a response: stranger, refused or passed."""
    if answer.status_code == 401 or answer.headers.get("location", "").startswith("/login"):
        return "stranger"
    return "refused" if answer.status_code == 403 else "passed"


def expected(entrance: Entrance, visitor: Visitor) -> str:
    """Return the outcome that the entrance's declaration demands."""
    (decision,) = entrance.decisions
    if isinstance(decision, Public):
        return "passed"
    is_stranger = visitor.rights is None or (visitor.key and isinstance(decision, PageDecision))
    if is_stranger or visitor.rights is None:
        return "stranger"
    return "passed" if permissions.allows(visitor.rights, decision.verb) else "refused"


async def test_each_route_declares_who_may_use_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        undeclared = [f"{e.method} {e.path}" for e in entrances(w) if len(e.decisions) != 1]
        foreign = {getattr(r, "path", "") for r in leaves(w)} - {e.path for e in entrances(w)}
        assert undeclared == []
        assert foreign == NOT_OURS
        for e in entrances(w):
            assert isinstance(e.decisions[0], Public | (ApiDecision if e.is_api else PageDecision)), e


async def test_each_verb_is_used_somewhere(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        asked = {e.decisions[0].verb for e in entrances(w) if not isinstance(e.decisions[0], Public)}
        assert set(Verb) - asked == {Verb.COLLEAGUE_SHIFT_WRITE, Verb.DRILL_LEAD, Verb.INCIDENT_READ_PRIVATE}


async def test_every_route_admits_exactly_the_roles_that_it_declares(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, visitors(e) as everyone:
        wrong = []
        for entrance in entrances(e.w):
            if entrance.path in (*ENDS_THE_SESSION, *CHECKS_SIGNATURES, "/events", "/"):
                continue
            for visitor in everyone:
                if (visitor.key and not entrance.is_api) or tells_nothing(entrance, visitor):
                    continue
                answer = await visitor.ask(entrance)
                wanted = expected(entrance, visitor)
                if outcome(answer) != wanted or answer.status_code >= 500:
                    wrong.append((visitor.name, entrance.method, entrance.path, answer.status_code, wanted))
    assert wrong == []


async def test_no_answer_shows_a_secret_and_no_page_offers_what_is_refused(
    dsn: str, clock: FakeClock
) -> None:
    async with everything(dsn, clock) as e, visitors(e) as everyone:
        known = entrances(e.w)
        find, leaks, offers, shown = finder(known), [], [], set()
        for entrance in (x for x in known if x.method == "GET" and x.path != "/events"):
            for visitor in everyone:
                if visitor.key and (not entrance.is_api or "key with" in visitor.name):
                    continue
                answer = await visitor.ask(entrance, real=True)
                if answer.status_code == 200:
                    shown.add(entrance.path)
                leaks += [
                    (what, visitor.name, entrance.path)
                    for what, secret in e.secrets.items()
                    if secret in answer.text
                ]
                prose = entrance.path.startswith("/handbook")
                if visitor.rights and not entrance.is_api and not prose and answer.status_code == 200:
                    offers += offered(answer.text, visitor.rights, entrance.path, find)
    assert leaks == []
    assert offers == []
    missed = {x.path for x in known if x.method == "GET"} - shown
    assert missed == NEVER_OK


NEVER_OK = {
    "/events",
    *("/i/{ref}", "/p/{ref}", "/setup", "/settings/contact/{method_id}/secret", "/near-misses"),
    *("/ack/{token}", "/welcome/{token}", "/calendar/{token}.ics", "/chat/link/{token}"),
    *("/u/{token}", "/u/digest/{token}", "/fallback-test/{token}"),
    *("/chat/slack/installed", "/settings/trackers/authorized"),
    *("/settings/contact/{method_id}/verify", "/settings/contact/{method_id}/messages"),
    *("/incidents/{ref}/declare", "/s/{slug}/subscribe/code", "/s/{slug}/{code}/subscribe/code"),
    "/metrics/audit/{quarter}/{team}/rules/{rule_id}/patch",
}
"""Redirects, addresses with a token or an owner, and the patch of a rule file; they have their own tests."""


def offered(page: str, rights: Rights, path: str, find: Finder) -> list[tuple[str, str, str]]:
    """Return the forms and links of a page that would be refused to the person who sees it."""
    wrong = []
    for method, pattern in (("POST", FORMS), ("GET", LINKS)):
        for address in sorted(set(pattern.findall(page))):
            entrance = find(method, address.replace("&amp;", "&"))
            if entrance and isinstance(entrance.decisions[0], PageDecision):
                verb = entrance.decisions[0].verb
                if not permissions.allows(rights, verb):
                    wrong.append((f"{rights.role}", path, f"{method} {address}"))
    return wrong


async def test_a_form_on_a_route_that_declares_nothing_is_not_taken(dsn: str, clock: FakeClock) -> None:
    async def undeclared(request: Request) -> Response:
        await route_access.form(request)
        return Response("taken")

    async with world(dsn, clock) as w:
        app = build(w.ctx)
        routes: Any = await app.load()
        routes.add_api_route("/undeclared", undeclared, methods=["POST"])
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as http:
            csrf = await sign_in(w, http, w.mara)
            assert (await http.post("/theme", data={"csrf": csrf})).status_code == 303
            assert (await http.post("/undeclared", data={"csrf": csrf})).status_code == 500


async def key_page(w: World, http: httpx.AsyncClient, verb: str, slug: str, csrf: str) -> httpx.Response:
    return await http.post(f"/services/{slug}/integrations/{w.integration}/{verb}", data={"csrf": csrf})


async def test_a_viewer_cannot_resolve_a_page_with_a_key_from_the_service_page(
    dsn: str, clock: FakeClock
) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        csrf = await sign_in(e.w, http, e.people[Role.VIEWER])
        page = await http.get("/services/checkout")
        assert (page.status_code, e.w.key in page.text, e.w.key[-4:] in page.text) == (200, False, False)
        assert (await key_page(e.w, http, "reveal", "checkout", csrf)).status_code == 403


async def test_a_key_is_revealed_by_a_form_and_the_audit_log_knows(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        csrf = await sign_in(e.w, http, e.people[Role.RESPONDER])
        page = await http.get("/services/checkout")
        assert e.w.key not in page.text
        assert f"…{e.w.key[-4:]}" in page.text
        assert e.w.key in (await key_page(e.w, http, "reveal", "checkout", csrf)).text
        async with e.w.ctx.db.tx() as tx:
            (row,) = await tx.fetch("select * from audit where action = 'integration.revealed'")
        assert row["actor_label"] == "The responder"
        assert e.w.key not in str(row)


async def test_a_key_is_not_revoked_under_another_service(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        csrf = await sign_in(e.w, http, e.w.mara)
        await http.post("/services", data={"csrf": csrf, "name": "Search", "team": "1"})
        for slug in ("no-such-service", "search"):
            for verb in ("revoke", "reveal"):
                assert (await key_page(e.w, http, verb, slug, csrf)).status_code == 404
        override = {"csrf": csrf}
        for schedule in ("no-such-schedule", "payments-secondary"):
            gone = await http.post(f"/oncall/{schedule}/edits/1/remove", data=override)
            assert gone.status_code == 404
        async with e.w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from integration where revoked_at is not null") == 0
            assert await tx.value("select count(*) from schedule_edit where removed_at is null") > 0


async def test_only_a_party_undoes_a_cover_or_a_swap(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http, browser(e.w) as plain:
        csrf = await sign_in(e.w, http, e.people[Role.RESPONDER])
        key = {"Authorization": f"Bearer {e.keys[Role.RESPONDER]}"}
        for page, api, method in (
            ("/oncall/covers/1/withdraw", "/covers/1/withdraw", "POST"),
            ("/oncall/swaps/1/withdraw", "/swaps/1/withdraw", "POST"),
            ("/oncall/vacations/1/cancel", "/vacations/1", "DELETE"),
        ):
            assert (await http.post(page, data={"csrf": csrf})).status_code == 403, page
            refused = await plain.request(method, f"/api/v1{api}", headers=key)
            assert refused.status_code == 403, api
        key = {"Authorization": f"Bearer {e.keys[Role.MANAGER]}"}
        canceled = await plain.delete("/api/v1/vacations/1", headers=key)
        assert canceled.status_code == 204
