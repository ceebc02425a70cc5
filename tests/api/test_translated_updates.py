"""Published updates in other languages of their page."""

from datetime import timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.status_pages.published_log import chain as published_log_chain
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.api.test_status_pages import INCIDENTS, PAGE, read


async def test_readers_get_a_translation_until_its_text_is_replaced(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC"}
        await api("POST", "/status-pages", page, status=201)
        first: dict[str, Any] = {"name": "Card payments fail", "stage": "investigating", "body": "We look."}
        first["next_update_at"] = (clock.now() + timedelta(minutes=30)).isoformat()
        opened = await api("POST", INCIDENTS, first, status=201)
        update = f"{INCIDENTS}/{opened['id']}/updates/1"
        german = f"{update}/translations/de"
        body = {"body": "Wir suchen die Ursache – überall."}
        # only into languages that the page offers, and not into its own
        refused = await api("PUT", german, body, status=422)
        assert [e["field"] for e in refused["errors"]] == ["locale"]
        await api("PATCH", f"{PAGE}/theme", {"locales": ["de", "ar"]})
        await api("PUT", f"{update}/translations/en", body, status=422)
        await api("PUT", german, {"body": " "}, status=422)
        await api("PUT", german, {"body": "{{impact}}"}, status=422)
        await api("PUT", f"{INCIDENTS}/{opened['id']}/updates/9/translations/de", body, status=404)
        untranslated = (await read(w, http, "/de")).text
        assert ("We look." in untranslated, "Noch nicht übersetzt." in untranslated) == (True, True)

        for _ in range(2):
            translated = await api("PUT", german, body)
            assert translated["updates"][0]["translations"] == {"de": body["body"]}
            assert (translated["updates"][0]["body"], translated["updates"][0]["version"]) == ("We look.", 1)
        shown = (await read(w, http, f"/de/incidents/{opened['id']}")).text
        assert (body["body"] in shown, "We look." in shown, "Noch nicht übersetzt." in shown) == (
            True,
            False,
            False,
        )
        assert "We look." in (await read(w, http, "/ar")).text
        assert body["body"] not in (await read(w, http)).text
        # machines get the page's own language
        summary = (await read(w, http, "/api/v2/summary.json")).json()
        assert [u["body"] for u in summary["incidents"][0]["incident_updates"]] == ["We look."]

        csrf = await sign_in(w, http, w.mara)
        form = {"csrf": csrf, "locale": "de", "body": "Wir kennen die Ursache noch nicht."}
        assert (await http.post(f"{update}/translations", data=form)).status_code == 303
        assert form["body"] in (await http.get(f"{INCIDENTS}/{opened['id']}")).text
        assert form["body"] in (await read(w, http, "/de")).text

        lines = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert ['"locale": "de"' in line for line in lines] == [False, True, True]
        assert published_log_chain.first_broken(lines) is None
        assert (
            published_log_chain.first_broken(
                [line.replace('"locale": "de"', '"locale": "fr"') for line in lines]
            )
            == 2
        )

        # what must not be read anymore cannot be read in another language either
        await api("PATCH", update, {"body": "Removed at 02:00: it named a customer.", "reason": "Leaked"})
        after = (await read(w, http, "/de")).text
        assert (form["body"] in after, "it named a customer." in after) == (False, True)
        lines = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert (len(lines), published_log_chain.first_broken(lines)) == (4, None)
        await api("PUT", german, {"body": "Entfernt."})
        assert "Entfernt." in (await read(w, http, "/de")).text
        assert "status_page.update_translated" in {e["action"] for e in await api("GET", "/audit")}


async def test_a_text_that_leaked_something_is_erased_and_the_log_still_verifies(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "Kestrel", "tz": "UTC"}, status=201)
        await api("PATCH", f"{PAGE}/theme", {"locales": ["de"]})
        soon = (clock.now() + timedelta(minutes=30)).isoformat()
        first: dict[str, Any] = {"name": "Card payments fail", "stage": "investigating"}
        first |= {"body": "Nordpost can't pay.", "translations": {"de": "Nordpost kann nicht zahlen."}}
        opened = await api("POST", INCIDENTS, {**first, "next_update_at": soon}, status=201)
        update = f"{INCIDENTS}/{opened['id']}/updates/1"
        await api("PATCH", update, {"body": "Nordpost AB can't pay.", "reason": "Full name"})
        refused = await api("POST", f"{update}/retract", {"reason": " "}, status=422)
        assert [each["field"] for each in refused["errors"]] == ["reason"]
        jun = Api(http, await key_of(w.ctx.db, clock, w.jun))
        await jun("POST", f"{update}/retract", {"reason": "It named a customer."}, status=403)

        csrf = await sign_in(w, http, w.mara)
        form = {"csrf": csrf, "reason": "It named a customer."}
        assert (await http.post(f"{update}/retract", data=form)).status_code == 303
        notice = f"Removed at {clock.now():%H:%M} UTC: It named a customer."
        [shown] = (await api("GET", INCIDENTS))[0]["updates"]
        assert (shown["body"], shown["translations"], shown["version"]) == (notice, {}, 3)
        for path in (
            "",
            "/de",
            f"/incidents/{opened['id']}",
            "/history.atom",
            "/api/v2/summary.json",
            "/history.jsonl",
        ):
            text = (await read(w, http, path)).text
            assert ("Nordpost" in text, "It named a customer." in text) == (False, True), path
        lines = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert published_log_chain.first_broken(lines) is None
        # a text is only missing if what replaced it follows
        assert published_log_chain.first_broken(lines[:-1]) == 1
        async with w.ctx.db.tx() as tx:
            [content] = [row["content"] for row in await tx.fetch("select content from status_broadcast")]
        assert (content["body"], content["translations"]) == (notice, {})
        assert "status_page.update_retracted" in {e["action"] for e in await api("GET", "/audit")}

        # a later message to a webhook repeats the text, in the document of its incident
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into subscriber (
                    status_page_id, channel, address, address_key, host, state, follows_all, component_ids,
                    group_ids, kinds, min_impact, created_at
                )
                select id, 'webhook', 'https://nordpost.example/', 'k', 'nordpost.example', 'active', true, '{}',
                    '{}', '{incident}', 0, created_at
                from status_page
                """
            )
        for body in ("Nordpost still can't pay.", "We are moving traffic."):
            later = {"stage": "identified", "body": body, "next_update_at": soon}
            await api("POST", f"{INCIDENTS}/{opened['id']}/updates", later, status=201)
        retracted = f"{INCIDENTS}/{opened['id']}/updates/2/retract"
        await api("POST", retracted, {"reason": "It named a customer."})
        async with w.ctx.db.tx() as tx:
            rows = await tx.fetch("select content from status_broadcast order by seq")
        assert [len(row["content"]["document"].get("incident_updates", ())) for row in rows] == [0, 2, 3]
        assert "Nordpost" not in str(rows[1]["content"]) + str(rows[2]["content"])
        assert rows[2]["content"]["body"] == "We are moving traffic."

        # an update of maintenance is translated and erased in the same way
        start = clock.now() + timedelta(days=10)
        plan: dict[str, Any] = {"name": "Upgrade", "body": "Nordpost waits.", "component_ids": []}
        plan |= {
            "scheduled_for": start.isoformat(),
            "scheduled_until": (start + timedelta(hours=1)).isoformat(),
        }
        added = await api("POST", f"{PAGE}/components", {"name": "Checkout"}, status=201)
        plan["component_ids"] = [added["components"][0]["id"]]
        window = await api("POST", f"{PAGE}/maintenance", plan, status=201)
        update = f"{PAGE}/maintenance/{window['id']}/updates/1"
        german = f"{update}/translations/de"
        await api("PUT", f"{update}/translations/fr", {"body": "Nordpost attend."}, status=422)
        await api("PUT", german.replace("/1/", "/9/"), {"body": "Nordpost wartet."}, status=404)
        for _ in range(2):
            translated = await api("PUT", german, {"body": "Nordpost wartet lange."})
            assert translated["updates"][0]["translations"] == {"de": "Nordpost wartet lange."}
        form = {"csrf": csrf, "locale": "de", "body": "Nordpost wartet."}
        assert (await http.post(f"{update}/translations", data=form)).status_code == 303
        public = f"/maintenance/{window['id']}"
        for path, text in ((f"/de{public}", "Nordpost wartet."), (public, "Nordpost waits.")):
            assert text in (await read(w, http, path)).text, path
        await jun("POST", f"{update}/retract", {"reason": "It named a customer."}, status=403)
        form = {"csrf": csrf, "reason": "It named a customer."}
        assert (await http.post(f"{update}/retract", data=form)).status_code == 303
        for path in (public, f"/de{public}", "/history.atom", "/api/v2/summary.json", "/history.jsonl"):
            text = (await read(w, http, path)).text
            assert ("Nordpost w" in text, "It named a customer." in text) == (False, True), path
        lines = (await read(w, http, "/history.jsonl")).text.splitlines()
        assert published_log_chain.first_broken(lines) is None
        async with w.ctx.db.tx() as tx:
            contents = await tx.fetch(
                "select content from status_broadcast where subject = $1 order by seq", window["id"]
            )
        # no one is told that it was erased
        assert ["It named a customer." in row["content"]["body"] for row in contents] == [True]
        assert "Nordpost" not in str(contents[0]["content"])
