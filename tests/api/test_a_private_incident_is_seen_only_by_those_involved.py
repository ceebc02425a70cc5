"""A private incident: no route shows an outsider its title, its reference or that it exists."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import pytest

from firebell.action_items import actions as action_items
from firebell.handoffs import actions as handoffs
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, IncidentType
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.oncall.schedules import queries
from firebell.people.model import Role
from firebell.postmortems import actions as postmortems
from firebell.regulatory import actions as regulatory
from firebell.regulatory.model import Answer
from tests.api.api_clients import browser, key_of, sign_in
from tests.api.full_organization import Entrance, Everything, entrances, everything
from tests.api.test_who_may_do_what import CHANGING, ENDS_THE_SESSION, NOT_OURS
from tests.world import world

TITLE = "Zanzibar credentials stolen"
SUMMARY = "Quokka tokens were copied"
SECRETS = re.compile(r"zanzibar|quokka", re.IGNORECASE)
SUBJECTS = ("/incidents/{ref}", "/post-mortems/{ref}", "/i/{ref}", "/postmortems/{ref}")


@dataclass(frozen=True, slots=True)
class Private:
    """The organization with a private incident that Mara declared and for which she was paged."""

    e: Everything
    ref: str

    @property
    def reference(self) -> re.Pattern[str]:
        """Its reference as a whole word, also in lower case and as a live topic."""
        return re.compile(rf"\b{self.ref}\b", re.IGNORECASE)

    def address(self, entrance: Entrance) -> str:
        """Return the address of a route with the private incident as its subject."""
        address = entrance.address(real=True)
        if any(part in entrance.path for part in SUBJECTS):
            filled = entrance.path.replace("{ref}", self.ref)
            return re.sub(r"\{what\}", "entries", re.sub(r"\{\w*id\}", "1", filled))
        return address


@asynccontextmanager
async def private(dsn: str, clock: FakeClock) -> AsyncIterator[Private]:
    async with everything(dsn, clock) as e:
        w = e.w
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx,
                mara,
                title=TITLE,
                summary=SUMMARY,
                severity=1,
                service_ids=[w.service],
                page_id=1,
                commander_id=w.mara,
                incident_type=IncidentType.SECURITY,
                now=w.now,
            )
            await incidents.link_page(tx, mara, made.id, 2, w.now)
            await incidents.add_entry(tx, mara, made.id, "mitigation", "Revoked the quokka tokens", w.now)
            await postmortems.start(tx, SYSTEM, made.id, w.now)
            await regulatory.record_fact(tx, mara, made.id, "personal_data", Answer.YES, w.now)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            schedule = await queries.by_slug(tx, "payments-primary")
            change = handoffs.next_change(schedule, w.now)
            assert change
            await handoffs.draft_change(tx, schedule, change, w.now)
        await w.settle()
        yield Private(e, made.ref)


def _leaks(private_: Private, asked: str, answer: httpx.Response) -> list[str]:
    """Return what an answer shows of the incident, apart from the address that was asked for."""
    text = answer.text.replace(asked, "") + str(answer.headers.get("location", "")).replace(asked, "")
    if answer.status_code == 404 and private_.ref in asked:
        text = private_.reference.sub("", text)  # an error repeats what was asked for
    leaks = [*SECRETS.findall(text), *private_.reference.findall(text)]
    return [f"{answer.status_code} {asked}: {leaks[0]}"] if leaks else []


@pytest.mark.parametrize("role", [Role.RESPONDER, Role.VIEWER])
async def test_no_route_shows_an_outsider_anything_of_it(dsn: str, clock: FakeClock, role: Role) -> None:
    async with private(dsn, clock) as p, browser(p.e.w) as http:
        csrf = await sign_in(p.e.w, http, p.e.people[role])
        leaks, missed = [], []
        known = [e for e in entrances(p.e.w) if e.path not in NOT_OURS | ENDS_THE_SESSION]
        for entrance in sorted(known, key=lambda e: e.method in CHANGING):
            if entrance.path in (
                "/events",
                "/i/{ref}",
            ):  # a stream; a redirect that repeats what was asked for
                continue
            address = p.address(entrance)
            if entrance.method in CHANGING:
                if not any(part in entrance.path for part in SUBJECTS):
                    continue
                more = {"json": {}} if entrance.is_api else {"data": {"csrf": csrf}}
                answer = await http.request(
                    entrance.method,
                    address,
                    headers={"X-CSRF": csrf},
                    **more,  # type: ignore[arg-type]
                )
            else:
                answer = await http.get(address)
            leaks += _leaks(p, address, answer)
            if any(part in entrance.path for part in SUBJECTS) and answer.status_code < 400:
                missed.append(f"{entrance.method} {address}: {answer.status_code}")
        for query in ("zanzibar", "quokka", p.ref):
            for path in (
                f"/search?q={query}",
                f"/api/v1/search?q={query}",
                f"/incidents?q={query}&state=all",
            ):
                answer = await http.get(path)
                leaks += [] if not SECRETS.search(answer.text.replace(query, "")) else [path]
                assert f"/incidents/{p.ref}" not in answer.text, path
        for path in (
            "/incidents?state=all",
            "/incidents.csv?state=all",
            "/post-mortems",
            "/clocks?state=all",
        ):
            leaks += _leaks(p, path, await http.get(path))
        assert leaks == []
        assert missed == []


async def test_counts_and_home_leave_it_out(dsn: str, clock: FakeClock) -> None:
    async with private(dsn, clock) as p, browser(p.e.w) as http:
        key = await key_of(p.e.w.ctx.db, clock, p.e.people[Role.RESPONDER])
        listed = (await http.get("/api/v1/incidents", headers={"Authorization": f"Bearer {key}"})).json()
        assert [i["ref"] for i in listed] == ["INC-1"]
        admin = await key_of(p.e.w.ctx.db, clock, p.e.people[Role.ADMIN])
        listed = (await http.get("/api/v1/incidents", headers={"Authorization": f"Bearer {admin}"})).json()
        assert [i["ref"] for i in listed] == [p.ref, "INC-1"]
        assert listed[0]["visibility"] == "private"


async def test_those_involved_and_managers_read_it_on_every_screen(dsn: str, clock: FakeClock) -> None:
    async with private(dsn, clock) as p, browser(p.e.w) as http:
        w = p.e.w
        assigned = p.e.people[Role.RESPONDER]
        room = f"/incidents/{p.ref}"
        await w.settle()  # at night, the page of the incident goes to Mara and Jun at once
        for person in (w.mara, w.jun, p.e.people[Role.MANAGER], p.e.people[Role.ADMIN]):
            await sign_in(w, http, person)
            for path in (room, f"{room}/close", f"{room}/clocks", f"/post-mortems/{p.ref}"):
                assert (await http.get(path)).status_code == 200, (person, path)
            assert TITLE in (await http.get("/incidents")).text
            live = await http.get(room, headers={"X-Live": "1"})
            assert TITLE in live.text
        await sign_in(w, http, assigned)
        assert (await http.get(room)).status_code == 404
        assert (await http.get(room, headers={"X-Live": "1"})).status_code == 404
        assert TITLE not in (await http.get("/incidents/INC-1", headers={"X-Live": "1"})).text
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            incident_id = int(p.ref.removeprefix("INC-"))
            await incidents.take_role(tx, mara, incident_id, IncidentRole.RESPONDER, assigned, w.now)
        assert (await http.get(room)).status_code == 200
        assert TITLE in (await http.get(room, headers={"X-Live": "1"})).text


async def test_what_was_written_before_an_incident_became_private_no_longer_names_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx, mara, title=TITLE, severity=1, service_ids=[w.service], now=w.now
            )
            await action_items.add_item(
                tx, mara, "Count the quokka tokens", w.now, incident_id=made.id, owner_id=w.mara
            )
            schedule = await queries.by_slug(tx, "payments-primary")
            change = handoffs.next_change(schedule, w.now)
            assert change
            await handoffs.draft_change(tx, schedule, change, w.now)
            drafted = (await handoffs.of_day(tx, schedule, change.day)).body
            body = f"{drafted}\nThe network is slow.\n"
            await handoffs.save(tx, mara, schedule, change.day, body, 1, w.now)
            await incidents.set_type(tx, mara, made.id, IncidentType.SECURITY, w.now, private=True)
            kept = (await handoffs.of_day(tx, schedule, change.day)).body
        assert SECRETS.search(drafted)
        assert not SECRETS.search(kept)
        assert made.ref not in kept
        assert "The network is slow." in kept


async def test_marking_an_incident_private_removes_its_title_from_its_pages(
    dsn: str, clock: FakeClock
) -> None:
    async with everything(dsn, clock) as e, browser(e.w) as http:
        w = e.w
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(tx, mara, title=TITLE, severity=1, now=w.now)
        await sign_in(w, http, e.people[Role.RESPONDER])
        assert TITLE in (await http.get("/pages")).text
        async with w.ctx.db.tx() as tx:
            await incidents.set_type(tx, mara, made.id, IncidentType.DATA_PROTECTION, w.now, private=True)
        pages = (await http.get("/pages")).text
        assert TITLE not in pages
        assert made.ref not in pages
        assert "Private SEV1 incident" in pages
