"""What stops pages or reaches people names its consequence, is confirmed afterwards, and can be undone."""

import html as markup
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx
import pytest

from firebell.alerts import actions as alerts
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.postmortems import actions as postmortems
from tests.api.api_clients import TEST, browser, sign_in
from tests.api.test_long_lists_on_the_web import read
from tests.postmortem_steps import PUBLISHABLE, agreed
from tests.world import World, world

JUST_IN_TIME, TOO_LATE = timedelta(seconds=10), timedelta(seconds=61)


class Web:
    """A browser of one person that follows redirects and sends forms."""

    def __init__(self, w: World, http: httpx.AsyncClient, csrf: str) -> None:
        self.w, self.http, self.csrf = w, http, csrf

    async def post(self, address: str, fields: Mapping[str, str] | None = None) -> httpx.Response:
        """Send a form and return where it leads, unless it is refused."""
        answer = await self.http.post(address, data={"csrf": self.csrf, **(fields or {})})
        if answer.status_code != 303:
            return answer
        return await self.http.get(answer.headers["location"])

    async def undo(self, shown: httpx.Response) -> httpx.Response:
        """Press Undo on a page."""
        action, fields = undo_of(shown.text)
        return await self.post(action, fields)


def undo_of(page: str) -> tuple[str, dict[str, str]]:
    """Return the form that undoes what a page says was done."""
    strip = re.search(r'<div class="strip" id="flash".*?</div>', page, re.S)
    assert strip, "the page says nothing"
    form = re.search(r'<form method="post" action="([^"]+)">(.*?)</form>', strip[0], re.S)
    assert form, "the page offers no undo"
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))
    fields.pop("csrf")
    return form[1], fields


def said(page: str) -> str:
    """Return the message of a page, nothing if there is none."""
    message = re.search(r'id="flash".*?role="status">([^<]*)', page, re.S)
    return markup.unescape(message[1]) if message else ""


@asynccontextmanager
async def web(dsn: str, clock: FakeClock) -> AsyncIterator[Web]:
    """Yield the browser of the admin in a small organization."""
    async with world(dsn, clock) as w, browser(w) as http:
        yield Web(w, http, await sign_in(w, http, w.mara))


async def policy_of_service(w: World) -> int | None:
    """Return the policy of the one service."""
    async with w.ctx.db.tx() as tx:
        return (await catalog.services_by_id(tx, [w.service]))[w.service].policy_id


async def audited(w: World, action: str) -> int:
    """Return how many audit entries an action has."""
    async with w.ctx.db.tx() as tx:
        return int(await tx.value("select count(*) from audit where action = $1", action))


async def test_bug_one_click_deleted_the_policy_of_a_service(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        before = await policy_of_service(b.w)
        page = await read(b.http, "/escalation/payments")
        question = page.partition('action="/escalation/payments/delete"')[2].partition("</form>")[0]
        assert "Checkout" in question
        assert "fallback responders" in question
        assert re.search(r'<details class="menu ask">\s*<summary[^>]*>Delete policy', page)
        shown = await b.post("/escalation/payments/delete")
        assert await policy_of_service(b.w) is None
        clock.advance(JUST_IN_TIME)
        again = await b.undo(shown)
        assert again.url.path == "/escalation/payments"
        assert said(again.text)
        assert (await policy_of_service(b.w)) == before
        assert await audited(b.w, "policy.restored") == 1


async def test_a_policy_that_open_pages_use_names_them_instead_of_asking(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        await b.w.alert()
        await b.w.settle()
        page = await read(b.http, "/escalation/payments")
        assert "/escalation/payments/delete" not in page
        assert 'href="/pages/PG-1"' in page.partition("Dry run")[2]
        refused = await b.post("/escalation/payments/delete")
        assert refused.status_code == 409
        assert "PG-1" in refused.text


async def test_undo_of_a_policy_leaves_a_service_that_has_another_since(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        shown = await b.post("/escalation/payments/delete")
        await b.post(
            "/escalation/new",
            {"name": "Other", "team": "1", "target-0": "team:1", "wait-0": "5", "repeat": "1"},
        )
        async with b.w.ctx.db.tx() as tx:
            other = await tx.value("select id from policy where slug = 'other'")
        await b.post("/services/checkout/policy", {"policy": str(other)})
        await b.undo(shown)
        assert await policy_of_service(b.w) == other


async def integration_keys(w: World) -> int:
    """Return how many keys of the service are in force."""
    async with w.ctx.db.tx() as tx:
        return len(await alerts.integrations(tx, w.service))


async def test_bug_one_click_revoked_the_only_key_of_a_service(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        page = await read(b.http, "/services/checkout")
        action = re.search(r'action="(/services/checkout/integrations/\d+/revoke)" class="panel form"', page)
        assert action, "revoking does not ask"
        question = page.partition(action[1])[2].partition("</form>")[0]
        assert "no other key" in question
        shown = await b.post(action[1])
        assert await integration_keys(b.w) == 0
        await b.undo(shown)
        assert await integration_keys(b.w) == 1
        assert await audited(b.w, "integration.restored") == 1
        await b.w.alert()
        async with b.w.ctx.db.tx() as tx:
            assert len(await alerts.newest_alerts(tx, 10)) == 1


async def test_bug_one_click_deactivated_a_person(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        page = await read(b.http, "/settings/people")
        assert f'href="/settings/people/{b.w.jun}/deactivate"' in page
        assert 'name="active" value="no"' not in page
        question = await read(b.http, f"/settings/people/{b.w.jun}/deactivate")
        assert "shift" in question
        shown = await b.post(f"/settings/people/{b.w.jun}", {"active": "no"})
        async with b.w.ctx.db.tx() as tx:
            assert not (await people.person(tx, b.w.jun)).active
        await b.undo(shown)
        async with b.w.ctx.db.tx() as tx:
            assert (await people.person(tx, b.w.jun)).active


async def test_bug_one_click_removed_a_contact_method(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        async with b.w.ctx.db.tx() as tx:
            extra = await people.add_contact_method(
                tx, TEST, person_id=b.w.mara, kind="email", address="m@example.org", label="", now=b.w.now
            )
            before = await people.rules_of(tx, [b.w.mara], "high")
        address = f"/settings/contact/{extra.id}/remove"
        assert f'action="{address}" class="panel form"' in await read(b.http, "/settings/contact")
        shown = await b.post(address)
        async with b.w.ctx.db.tx() as tx:
            assert await people.rules_of(tx, [b.w.mara], "high") != before
        await b.undo(shown)
        async with b.w.ctx.db.tx() as tx:
            assert sorted(map(repr, (await people.rules_of(tx, [b.w.mara], "high"))[b.w.mara])) == sorted(
                map(repr, before[b.w.mara])
            )


async def test_bug_a_removal_was_said_to_leave_pages_to_a_contact_method_that_gets_none(
    dsn: str, clock: FakeClock
) -> None:
    async with web(dsn, clock) as b:
        async with b.w.ctx.db.tx() as tx:
            before = await people.methods_of(tx, [b.w.mara])
            [hook] = [method for method in before if method.kind == "webhook"]
            await people.mark_method_verified(tx, hook.id, b.w.now)
            for name in ("first", "second"):
                await people.add_contact_method(
                    *(tx, TEST),
                    person_id=b.w.mara,
                    kind="email",
                    address=f"{name}@example.org",
                    label="",
                    now=b.w.now,
                )
            first, second = (await people.methods_of(tx, [b.w.mara]))[len(before) :]
        page = await read(b.http, "/settings/contact")

        def consequences(method_id: int) -> str:
            return page.partition(f'action="/settings/contact/{method_id}/remove"')[2].partition("</ul>")[0]

        assert hook.address in consequences(first.id)
        assert second.address not in consequences(first.id), "it is not verified, so it gets no pages"


async def closed(w: World) -> int:
    """Return an incident that is closed and has a draft of its post-mortem."""
    async with w.ctx.db.tx() as tx:
        made = await incidents.declare(tx, TEST, title="Search is slow", severity=2, now=w.now)
        for phase in (Phase.INVESTIGATING, Phase.MITIGATING, Phase.MONITORING, Phase.CLOSED):
            await incidents.set_phase(tx, TEST, made.id, phase, w.now, reason="test", force=True)
        await postmortems.start(tx, TEST, made.id, w.now)
    return made.id


async def test_bug_a_blank_post_mortem_was_published_with_one_click(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        number = await closed(b.w)
        here = f"/post-mortems/INC-{number}"
        page = await read(b.http, here)
        assert f'action="{here}/publish"' not in page
        assert "What got in the way?" in page.partition('id="unfinished"')[2].partition("</ul>")[0]
        assert (await b.post(f"{here}/publish")).status_code == 422
        body = f"{PUBLISHABLE}\nThe index was rebuilt _too_ late. Why? _Nobody knew._\n"
        shown = await b.post(here, {"body": body, "version": "1"})
        assert said(shown.text)
        assert (await b.post(f"{here}/publish")).status_code == 422  # no one else has read it
        async with b.w.ctx.db.tx() as tx:
            await agreed(tx, b.w, number)
        page = await read(b.http, f"{here}/publication")
        assert f'action="{here}/publish" class="panel form"' in page
        shown = await b.post(f"{here}/publish")
        async with b.w.ctx.db.tx() as tx:
            assert (await incidents.incident(tx, number)).phase is Phase.REVIEWED
        await b.undo(shown)
        async with b.w.ctx.db.tx() as tx:
            document = await postmortems.of_incident(tx, number)
            assert (await incidents.incident(tx, number)).phase is Phase.CLOSED
        assert (document.state, document.published_at) == ("draft", None)
        async with b.w.ctx.db.tx() as tx:
            await agreed(tx, b.w, number)
        assert (await b.post(f"{here}/publish")).status_code == 200


@pytest.mark.parametrize(
    "address", ["/escalation/payments/delete", "/services/checkout/integrations/1/revoke"]
)
async def test_undo_is_refused_when_its_time_is_over_and_to_everyone_else(
    dsn: str, clock: FakeClock, address: str
) -> None:
    async with web(dsn, clock) as b, browser(b.w) as http:
        async with b.w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, b.w.jun, role=Role.ADMIN, now=b.w.now)
        shown = await b.post(address)
        action, fields = undo_of(shown.text)
        theirs = Web(b.w, http, await sign_in(b.w, http, b.w.jun))
        assert (await theirs.post(action, fields)).status_code == 409
        clock.advance(TOO_LATE)
        assert (await b.post(action, fields)).status_code == 409


async def test_undo_works_once(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        for address in ("/escalation/payments/delete", "/services/checkout/integrations/1/revoke"):
            action, fields = undo_of((await b.post(address)).text)
            assert (await b.post(action, fields)).status_code == 200
            assert (await b.post(action, fields)).status_code == 409


async def test_a_message_is_shown_once_on_its_page_and_never_to_a_refresh(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        await b.http.post(
            "/services/checkout/policy", data={"csrf": b.csrf, "policy": ""}, follow_redirects=False
        )
        assert not said((await b.http.get("/services")).text)
        assert not said((await b.http.get("/services/checkout", headers={"X-Live": "1"})).text)
        assert said((await b.http.get("/services/checkout")).text)
        assert not said((await b.http.get("/services/checkout")).text)
        b.http.cookies.set("firebell_flash", "forged.forged")
        assert not said((await b.http.get("/services/checkout")).text)
