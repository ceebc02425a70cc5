"""Subscribers read forms and mails in their language, on the host name of the page's own."""

import re
from datetime import timedelta
from pathlib import Path

from firebell.kit.clock import FakeClock
from firebell.status_pages.hosting import actions as hosting_actions
from firebell.status_pages.hosting import store as hosting_store
from tests.stories.test_subscribers_of_a_status_page import OPS, Town, link_of, town

PAGE = "/status-pages/kestrel"
HOST = {"Host": "status.kestrel.example"}


async def _on_own_host(t: Town) -> None:
    """Give the page a host and three languages."""
    await t.api("PATCH", f"{PAGE}/theme", {"locale": "en", "locales": ["de", "ar"]})
    claim = await t.api("PUT", f"{PAGE}/host", {"host": HOST["Host"]})
    async with t.w.ctx.db.tx() as tx:
        page = await hosting_store.host_claim(tx, 1)
        assert page
        mara = await t.w.actor(t.w.mara)
        await hosting_actions.prove_host(tx, mara, page.status_page_id, claim["token"], t.w.now)
    t.w.ctx.live.publish("status-hosts")
    t.w.ctx.live.publish("status-kestrel")


async def test_a_reader_subscribes_in_german_on_the_own_host_and_changes_to_arabic(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await _on_own_host(t)
        home = await t.http.get("/de", headers=HOST)
        assert 'href="http://status.kestrel.example/de/subscribe"' in home.text
        form = await t.http.get("/de/subscribe", headers=HOST)
        assert '<html lang="de">' in form.text
        assert ('action="/de/subscribe"' in form.text, 'href="/ar/subscribe"' in form.text) == (True, True)
        for path in ("/en/subscribe", "/ja/subscribe", "/s/kestrel/subscribe", "/login"):
            assert (await t.http.get(path, headers=HOST)).status_code == 404, path
        assert (await t.http.get("/s/kestrel/ar/subscribe")).status_code == 200

        refused = {"address": "ops", "follows": "some", "component": "1", "kind": "maintenance"}
        again = await t.http.post("/de/subscribe", data=refused, headers=HOST)
        assert (again.status_code, "Das ist keine E-Mail-Adresse." in again.text) == (422, True)
        assert 'name="component" value="1" checked' in again.text
        assert 'name="kind" value="incident" checked' not in again.text

        token = re.search(r'name="token" value="([^"]+)"', form.text)
        assert token
        t.w.clock.advance(timedelta(seconds=3))
        wanted = {"token": token[1], "address": OPS, "follows": "all", "kind": ["incident", "maintenance"]}
        asked = await t.http.post("/de/subscribe", data=wanted, headers=HOST)
        assert asked.status_code == 202
        await t.w.settle()
        [confirm] = t.relay.to(OPS)
        assert (confirm["Subject"], confirm["Content-Language"]) == (
            "Bestätigen Sie Ihr Abonnement von Kestrel",
            "de",
        )
        assert "http://status.kestrel.example/u/" in _text(confirm)
        path = link_of(confirm)
        shown = await t.http.post(path, data={"do": "confirm"}, headers=HOST)
        assert (shown.status_code, '<html lang="de">' in shown.text) == (200, True)

        await t.api("PUT", f"{PAGE}/translations/de", {"components": {"1": {"name": "Kasse"}}})
        await t.publish("We are looking.", components={"1": "partial_outage"})
        await t.w.settle()
        news = t.relay.to(OPS)[-1]
        assert "Betroffen: Kasse" in _text(news)
        assert "Kasse" in (await t.http.get("/de/subscribe", headers=HOST)).text
        assert news["Subject"] == "[Kestrel] Wird untersucht: Payments fail"
        assert "http://status.kestrel.example/de/incidents/" in _text(news)
        assert news["List-Unsubscribe"].startswith("<http://status.kestrel.example/u/")

        manage = link_of(news)
        change = {"do": "scope", "follows": "all", "kind": "incident", "locale": "ja"}
        assert (await t.http.post(manage, data=change, headers=HOST)).status_code == 422
        saved = await t.http.post(manage, data={**change, "locale": "ar"}, headers=HOST)
        assert (saved.status_code, 'dir="rtl"' in saved.text) == (200, True)
        [listed] = await t.api("GET", f"{PAGE}/subscribers")
        assert (listed["locale"], listed["kinds"]) == ("ar", ["incident"])
        await t.publish("Another.")
        await t.w.settle()
        html = t.relay.to(OPS)[-1].get_body(("html",))
        assert html
        assert 'lang="ar" dir="rtl"' in html.get_content()


async def test_a_link_works_on_the_host_of_its_page_alone(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.api("POST", "/status-pages", {"slug": "second", "name": "Second", "tz": "UTC"}, status=201)
        await t.subscribe(OPS)
        await _on_own_host(t)
        await t.publish("We are looking.")
        await t.w.settle()
        path = link_of(t.relay.to(OPS)[-1])
        assert (await t.http.get(path, headers=HOST)).status_code == 200
        assert (await t.http.get(path)).status_code == 200
        async with t.w.ctx.db.tx() as tx:
            await tx.execute("update status_page_host set status_page_id = 2")
        t.w.ctx.live.publish("status-hosts")
        t.w.ctx.live.publish("status-second")
        await t.http.get("/", headers=HOST)
        dead = await t.http.get(path, headers={**HOST, "Accept-Language": "fr-CA,fr;q=0.8"})
        assert (dead.status_code, '<html lang="fr">' in dead.text) == (422, True)
        assert (await t.http.post(path, data={"do": "unsubscribe"}, headers=HOST)).status_code == 422
        assert await t.states() == {OPS: "active"}
        await t.api("PATCH", "/status-pages/second", {"visibility": "private"})
        assert (await t.http.get("/subscribe", headers=HOST)).status_code == 404


def _text(mail: object) -> str:
    body = mail.get_body(("plain",))  # type: ignore[attr-defined]
    return str(body.get_content())
