"""Every link and search form in the demo's organization works for everyone who sees it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx

from firebell.app import build
from firebell.commands.demo import add_examples, known
from firebell.demo import audiences, special_incidents, status_copies, status_page, tonight
from firebell.demo.history import Past
from firebell.kit import signing
from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.people import actions as people
from firebell.people.model import Role, Session
from firebell.people.sessions import actions as sessions
from firebell.people.sessions import cookies
from firebell.people.sessions import store as session_store
from tests.api.api_clients import TEST, UNCOMPRESSED
from tests.demo_world import demo_past

ORIGIN = "http://127.0.0.1:8080"
LINK = re.compile(r'<a [^>]*?href="([^"]+)"')
FORM = re.compile(r"<form\b([^>]*)>")
SAME_KIND = 2
"""Number of addresses of one kind that are followed; the others differ only in their content."""
TOGETHER = 2
"""Number of query names up to which another combination is another kind."""
ENDS = ("/static/", "/logout", "/events")


@asynccontextmanager
async def demo(dsn: str, clock: FakeClock) -> AsyncIterator[Past]:
    """Yield the demo's organization tonight, without the year before."""
    until = clock.now()
    clock.set(until - timedelta(days=3))
    async with demo_past(dsn, clock) as past:
        await status_page.create(past)
        await audiences.set_up(past)
        await tonight.yesterday(past, until)
        await status_copies.set_up(past)
        await tonight.sev1_in_progress(past, until)
        await tonight.save_views(past)
        await special_incidents.more_incidents(past, clock.now())
        yield replace(past, ctx=replace(past.ctx, clock=clock))


async def visitor(ctx: Context, http: httpx.AsyncClient, role: Role) -> None:
    """Sign a new person of this role in."""
    now = ctx.clock.now()
    token = signing.random_token()
    async with ctx.db.tx() as tx:
        person = await people.create_person(
            tx, TEST, name=f"The {role}", email=f"{role}@kestrel.example", role=role, tz="UTC", now=now
        )
        session = Session(0, "a test", "127.0.0.1", now, now, sessions.expires_at(now, now))
        await session_store.insert_session(
            tx, signing.token_hash(token), person, session, signing.random_token(18), None
        )
    http.cookies.set(cookies.SESSION, token)


def addresses(page: str, here: str) -> set[str]:
    """Return the addresses of a page's links and search forms on this server."""
    hrefs = {unescape(href) for href in LINK.findall(page)}
    for attributes in FORM.findall(page):
        if 'method="post"' not in attributes:
            action = re.search(r'action="([^"]*)"', attributes)
            hrefs.add(unescape(action[1]) if action else here)
    full = {urljoin(ORIGIN + here, href).partition("#")[0] for href in hrefs}
    return {a.removeprefix(ORIGIN) for a in full if a.startswith(f"{ORIGIN}/")}


def kind(address: str) -> str:
    """Return an address without what distinguishes things of one kind: numbers, days and query values."""
    path, _, query = address.partition("?")
    if path.startswith("/handbook"):
        return address
    names = sorted(part.partition("=")[0] for part in query.split("&"))
    # the filters of a list link to all combinations of each other
    return re.sub(r"\d+", "0", path) + "?" + ("&".join(names) if len(names) <= TOGETHER else "")


async def walk(http: httpx.AsyncClient) -> tuple[set[str], list[str]]:
    """Follow links from the home page; return the addresses that are shown, and those that are dead or refused."""
    waiting, visited, followed, dead = [("/", "")], {"/"}, dict[str, int](), list[str]()
    while waiting:
        address, shown_on = waiting.pop(0)
        answer = await http.get(address)
        is_sent_away = urlsplit(str(answer.url)).path == "/login" and address != "/login"
        # the handbook's prose names addresses for everyone; a refusal there says who can grant the role
        is_prose = answer.status_code == 403 and shown_on.startswith("/handbook")
        if (answer.status_code >= 400 or is_sent_away) and not is_prose:
            dead.append(f"{answer.status_code} {address} on {shown_on}")
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for href in sorted(addresses(answer.text, address) - visited):
            visited.add(href)
            followed[kind(href)] = followed.get(kind(href), 0) + 1
            if followed[kind(href)] <= SAME_KIND and not href.startswith(ENDS):
                waiting.append((href, address))
    return visited, dead


async def test_no_link_that_is_shown_is_dead_or_refused(dsn: str, clock: FakeClock) -> None:
    async with demo(dsn, clock) as past:
        # one organization for all roles: to build it takes longer than to walk it
        transport = httpx.ASGITransport(app=build(past.ctx), client=("127.0.0.1", 50_000))
        for role in Role:
            async with httpx.AsyncClient(
                transport=transport, base_url=ORIGIN, follow_redirects=True, headers=UNCOMPRESSED
            ) as http:
                await visitor(past.ctx, http, role)
                visited, dead = await walk(http)
            assert dead == [], "\n".join([f"as {role}:", *dead])
            shown = {path.partition("?")[0] for path in visited}
            assert {"/services/checkout-api", "/incidents/INC-1", "/pages/PG-1", "/alerts"} <= shown
            assert len(visited) > 150

        # what `firebell demo` adds last; walking it as well would take too long
        await add_examples(past, clock.now())
        started_again = await known(past.ctx, "http://127.0.0.1:1/phone")
        assert started_again.integrations == past.kestrel.integrations
