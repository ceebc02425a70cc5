"""One text for everyone: written, checked, approved, published to each target once, and taken back."""

import re
from datetime import timedelta
from typing import Any

from firebell.comms import store
from firebell.comms.tone.model import ReaderKind
from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.world import World

COMMS = "/incidents/INC-1/comms"
PUBLIC = "We are sorry: card payments fail since 03:00 UTC. We are moving traffic. You can pay by invoice."
LATER = "We moved traffic at 03:40 UTC and are watching card payments. You can pay by invoice meanwhile."
BOTH = ["timeline", "status_page:kestrel"]


async def _declare(w: World, commander: int) -> None:
    async with w.ctx.db.tx() as tx:
        await incidents.declare(
            tx,
            await w.actor(w.mara),
            title="Card payments fail",
            severity=1,
            commander_id=commander,
            service_ids=[w.service],
            now=w.now,
        )


async def _status_page(w: World, api: Api) -> int:
    page = await api(
        "POST",
        "/status-pages",
        {"slug": "kestrel", "name": "Kestrel", "tz": "Europe/Stockholm", "service_ids": [w.service]},
        status=201,
    )
    return int(page["components"][0]["id"])


def _post(w: World, clock: FakeClock, revision: int, public: str = PUBLIC, **changes: Any) -> dict[str, Any]:
    return {
        "bodies": {"internal": "**Failing over** to the second database.", "public": public},
        "targets": BOTH,
        "revision": revision,
        "stage": "investigating",
        "next_update_at": (clock.now() + timedelta(minutes=30)).isoformat(),
        **changes,
    }


async def _revision(api: Api) -> int:
    return int((await api("GET", COMMS))["revision"])


async def _states(api: Api, post_id: int) -> dict[str, str]:
    post = await api("GET", f"{COMMS}/posts/{post_id}")
    return {each["target"]: each["state"] for each in post["deliveries"]}


async def test_one_text_reaches_each_target_once_and_can_be_taken_back(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        component = await _status_page(w, api)
        clock.advance(timedelta(hours=1))
        await _declare(w, w.mara)
        clock.advance(timedelta(minutes=5))

        # the composer begins with templates, filled with what the timeline knows
        begun = await api("GET", COMMS)
        assert [each["key"] for each in begun["targets"]] == ["status_page:kestrel", "timeline"]
        assert begun["content"]["targets"] == ["status_page:kestrel", "timeline"]
        assert begun["content"]["components"] == {str(component): "partial_outage"}
        assert "W-SLOT" in {finding["code"] for finding in begun["findings"]["public"]}

        # what is blocked, and errors without a reason, are refused at their field, and nothing is sent
        fields = [
            (_post(w, clock, 0, "What you may notice: {{impact}}"), "public"),
            (_post(w, clock, 0, "We will be back shortly."), "reason"),
            (_post(w, clock, 0, targets=[]), "targets"),
            (_post(w, clock, 0, next_update_at=None, reason="Late"), "next_update_at"),
        ]
        for body, field in fields:
            refused = await api("POST", COMMS, body, status=422)
            assert [each["field"] for each in refused["errors"]] == [field]
        assert await api("GET", f"{COMMS}/posts") == []
        assert await api("GET", "/status-pages/kestrel/incidents") == []

        # published: each target once, however often the form is sent
        first = _post(w, clock, 0, components={str(component): "partial_outage"}, headline="Cards fail")
        post = await api("POST", COMMS, first, status=201)
        assert post["state"] == "published"
        assert (await api("POST", COMMS, first, status=201))["id"] == post["id"]
        assert await _states(api, post["id"]) == {"status_page:kestrel": "sent", "timeline": "sent"}
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert (published["name"], published["updates"][0]["body"]) == ("Cards fail", PUBLIC)
        entries = await api("GET", "/incidents/INC-1/timeline")
        assert [e["text"] for e in entries if e["kind"] == "update"] == [
            "Failing over to the second database."
        ]

        # undo strikes the entry, replaces the public text, and gives the text back as the draft
        undone = await api("POST", f"/undo/{post['undo']['token']}")
        assert undone["url"].endswith(COMMS)
        assert set((await _states(api, post["id"])).values()) == {"recalled"}
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert PUBLIC not in published["updates"][0]["body"]
        again = await api("GET", COMMS)
        assert (again["content"]["bodies"]["public"], bool(again["draft_by"])) == (PUBLIC, True)

        # two people compose: the second sees the first one's text and keeps their own
        revision = again["revision"]
        jun = Api(http, await key_of(w.ctx.db, clock, w.jun))
        await jun("PUT", f"{COMMS}/draft", _post(w, clock, revision, "Jun writes this."))
        await api("POST", COMMS, _post(w, clock, revision), status=409)
        assert (await api("GET", COMMS))["draft_by"].startswith("Jun Okafor")
        token = await sign_in(w, http, w.mara)
        form = {
            "csrf": token,
            "revision": str(revision),
            "do": "publish",
            "public": "Mara writes that. You can pay by invoice.",
            "internal": "Failing over.",
            "target": "timeline",
            "stage": "investigating",
        }
        conflict = await http.post("/incidents/INC-1/comms", data=form)
        assert conflict.status_code == 409
        assert "Jun writes this." in conflict.text
        assert "Mara writes that." in conflict.text
        preview = await http.post(
            "/incidents/INC-1/comms?preview=yes",
            data={**form, "target": BOTH, "public": "**Checkout** is back shortly."},
        )
        assert "W-SOON" in preview.text
        assert re.search("<strong>Checkout</strong>[^<]*<mark>[^<]*shortly", preview.text)
        assert (await http.get("/incidents/INC-1")).text.count("/incidents/INC-1/comms") >= 1
        saved = await http.post(
            "/incidents/INC-1/comms", data={**form, "revision": str(await _revision(api))}
        )
        assert saved.status_code == 303
        assert (await http.get(saved.headers["location"])).status_code == 200
        latest = (await api("GET", f"{COMMS}/posts"))[0]
        assert [each["target"] for each in latest["deliveries"]] == ["timeline"]
        assert f"comms_post:{latest['id']}" in {e["subject"] for e in await api("GET", "/audit")}


async def test_a_later_update_waits_for_the_commander_and_silence_sends_it(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await _status_page(w, api)
        clock.advance(timedelta(hours=1))
        await _declare(w, w.jun)
        jun = Api(http, await key_of(w.ctx.db, clock, w.jun))
        first = await api("POST", COMMS, _post(w, clock, await _revision(api)), status=201)
        assert first["state"] == "published"

        async def later(text: str, **changes: Any) -> dict[str, Any]:
            clock.advance(timedelta(minutes=3))
            body = _post(w, clock, await _revision(api), text, **{"reason": "Known", **changes})
            post: dict[str, Any] = await api("POST", COMMS, body, status=201)
            return post

        # the room gets it at once, the public text waits, and the commander is asked
        post = await later(LATER)
        assert post["state"] == "waiting"
        assert await _states(api, post["id"]) == {"status_page:kestrel": "waiting", "timeline": "sent"}
        assert [(a["rule"], a["role"], a["asked_ids"]) for a in post["approvals"]] == [
            ("facts", "commander", [w.jun])
        ]
        answer = {"answer": "approved", "sha256": post["sha256"]}
        path = f"{COMMS}/posts/{post['id']}"
        await api("POST", f"{path}/answer", answer, status=404)
        await jun("POST", f"{path}/answer", {**answer, "sha256": "0" * 64}, status=409)
        assert (await jun("POST", f"{path}/answer", answer))["state"] == "published"
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert [update["body"] for update in published["updates"]] == [PUBLIC, LATER]

        # asked for changes, it comes back as a draft
        post = await later("We watch card payments. Meanwhile, pay by invoice.")
        answer = {"answer": "changes", "sha256": post["sha256"], "note": "Say since when"}
        back = await jun("POST", f"{COMMS}/posts/{post['id']}/answer", answer)
        assert back["state"] == "returned"
        assert (await api("GET", COMMS))["draft_by"].startswith("Mara Lindqvist")

        # silence sends it after five minutes; a newer text replaces one that waits
        replaced = await later("We keep watching card payments. Pay by invoice meanwhile.")
        post = await later(f"{LATER} All is quiet.")
        assert (await _states(api, replaced["id"]))["status_page:kestrel"] == "returned"
        clock.advance(timedelta(minutes=4))
        await w.settle()
        assert (await _states(api, post["id"]))["status_page:kestrel"] == "waiting"
        clock.advance(timedelta(minutes=1))
        await w.settle()
        assert (await _states(api, post["id"]))["status_page:kestrel"] == "sent"

        # a claim that no one approved is left out
        claim = "This was caused by a network of ours."
        post = await later(f"{LATER} {claim}")
        clock.advance(timedelta(minutes=10))
        await w.settle()
        shown = await api("GET", f"{COMMS}/posts/{post['id']}")
        assert shown["deliveries"][0]["removed"] == [claim]
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert published["updates"][-1]["body"] == LATER

        # a target that fails takes nothing back, and can be tried again
        post = await later("We watch the last payments. You can pay by card and by invoice.")
        await api(
            "POST",
            f"/status-pages/kestrel/incidents/{published['id']}/updates",
            {"stage": "resolved", "body": "This is over."},
            status=201,
        )
        clock.advance(timedelta(minutes=5))
        await w.settle()
        assert await _states(api, post["id"]) == {"status_page:kestrel": "failed", "timeline": "sent"}
        target = {"target": "status_page:kestrel"}
        retried = await api("POST", f"{COMMS}/posts/{post['id']}/retry", target)
        assert retried["state"] == "partly"

        rules = {rule["id"]: rule for rule in await api("GET", "/comms/approval-rules")}
        facts = {**rules["facts"], "enabled": False}
        changed = {name: facts[name] for name in ("enabled", "roles", "silence", "minutes", "severities")}
        assert (await api("PUT", "/comms/approval-rules/facts", changed))["enabled"] is False
        assert await api("PUT", "/comms/vendors", {"names": ["Acme", " "]}) == {"names": ["Acme"]}
        blamed = await api("POST", "/comms/check", {"text": "Acme caused this.", "reader": "public"})
        assert "W-BLAME" in {finding["code"] for finding in blamed["findings"]}
        async with w.ctx.db.tx() as tx:
            assert (await store.last_texts(tx, 1))[ReaderKind.PUBLIC]
            notices = await tx.fetch("select person_id from notice where kind = 'approval'")
            assert {row["person_id"] for row in notices} == {w.jun}


async def test_the_first_update_of_a_page_is_not_held_because_another_page_has_one(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await _status_page(w, api)
        page = {"slug": "partners", "name": "Partners", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", page, status=201)
        held = {
            "enabled": True,
            "roles": ["commander"],
            "silence": "hold",
            "minutes": 0,
            "severities": [0, 1],
        }
        await api("PUT", "/comms/approval-rules/facts", held)
        await _declare(w, w.jun)

        async def publish(*slugs: str) -> dict[str, Any]:
            targets = [f"status_page:{slug}" for slug in slugs]
            post: dict[str, Any] = await api(
                "POST", COMMS, _post(w, clock, await _revision(api), targets=targets), status=201
            )
            return post

        for slug in ("kestrel", "partners"):
            post = await publish(slug)
            assert (post["state"], post["approvals"]) == ("published", [])
        post = await publish("kestrel", "partners")
        assert (post["state"], [each["rule"] for each in post["approvals"]]) == ("waiting", ["facts"])


async def test_a_post_has_its_translations_an_estimate_and_a_mail_to_customers(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await _status_page(w, api)
        await api("PATCH", "/status-pages/kestrel/theme", {"locales": ["de", "fr"]})
        customer = await api("POST", "/customers", {"name": "Nordpost"}, status=201)
        contact = {"address": "ops@nordpost.example", "name": "Ida"}
        await api("POST", f"/customers/{customer['id']}/contacts", contact, status=201)
        await _declare(w, w.mara)
        clock.advance(timedelta(minutes=5))
        composer = await api("GET", COMMS)
        assert (composer["languages"], composer["content"]["translations"]) == (["de", "fr"], {})

        eta = clock.now() + timedelta(hours=2)
        german = "Kartenzahlungen schlagen fehl. Wir leiten den Verkehr um."
        wanted = _post(
            w,
            clock,
            0,
            targets=["status_page:kestrel", "audience:customers"],
            eta_at=eta.isoformat(),
            translations={"de": german},
            mail_subject="Card payments",
        )
        # each problem is reported at its field, and a text in another language is checked for what needs no words
        fields: dict[str, dict[str, Any]] = {
            "translations.ja": {"translations": {"ja": german}},
            "translations.de": {"translations": {"de": f"{german} {{{{impact}}}}"}},
            "reason": {"translations": {"de": f"{german} INC-214"}},
            "eta_at": {"eta_at": clock.now().isoformat()},
        }
        for field, change in fields.items():
            refused = await api("POST", COMMS, wanted | change, status=422)
            assert [each["field"] for each in refused["errors"]] == [field], field
        draft = await api("PUT", f"{COMMS}/draft", wanted)
        csrf = await sign_in(w, http, w.mara)
        form = (await http.get(COMMS)).text
        assert german in form
        assert form.count("not translated") == 1
        previewed = await http.post(
            f"{COMMS}?preview=yes",
            data={
                "csrf": csrf,
                "target": "status_page:kestrel",
                "translations.fr": "x {{impact}}",
                "eta_at": "",
            },
        )
        assert 'id="findings-fr"' in previewed.text
        assert "W-SLOT" in previewed.text.partition('id="findings-fr"')[2].partition("</textarea>")[0]

        post = await api(
            "POST", COMMS, {**wanted, "revision": draft["id"] and await _revision(api)}, status=201
        )
        assert set((await _states(api, post["id"])).values()) == {"sent"}
        assert german in (await http.get(f"{COMMS}/{post['id']}")).text
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        [update] = published["updates"]
        assert (update["translations"], update["eta_at"]) == (
            {"de": german},
            eta.isoformat().replace("+00:00", "Z"),
        )
        # without a text of their own, customers get the public one
        [mail] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert [(text["subject"], text["body"]) for text in mail["texts"]] == [("Card payments", PUBLIC)]
        # the next text begins with the estimate that customers know, and mails to subscribers have the translation
        assert (await api("GET", COMMS))["content"]["eta_at"] == update["eta_at"]
        async with w.ctx.db.tx() as tx:
            contents = [row["content"] for row in await tx.fetch("select content from status_broadcast")]
        assert [content["translations"] for content in contents] == [{"de": german}]
        await api("POST", f"/undo/{post['undo']['token']}")
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert published["updates"][0]["translations"] == {}
        again = (await api("GET", COMMS))["content"]
        assert (again["translations"], again["mail_subject"]) == ({"de": german}, "Card payments")


async def test_the_resolving_update_and_the_closing_are_one_step(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await _status_page(w, api)
        await _declare(w, w.mara)
        await api("POST", COMMS, _post(w, clock, 0), status=201)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, mara, 1, Phase.MONITORING, w.now, reason="Over", force=True)
        await sign_in(w, http, w.mara)
        # what is over inside and open outside is shown as such
        for path in ("/status-pages/kestrel", "/incidents/INC-1"):
            assert "is resolved, but customers still read Investigating" in (await http.get(path)).text

        ended = "Card payments work again since 03:40 UTC. You need not do anything. We are sorry."
        revision = await _revision(api)
        both = _post(w, clock, revision, ended, stage="resolved", close=True, reason="Short")
        refused = await api("POST", COMMS, {**both, "stage": "monitoring"}, status=422)
        assert [each["field"] for each in refused["errors"]] == ["stage"]
        # a condition is missing: neither happens
        await api("POST", COMMS, both, status=409)
        assert await _revision(api) == revision
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert (published["stage"], len(published["updates"])) == ("investigating", 1)

        clock.advance(timedelta(minutes=31))
        async with w.ctx.db.tx() as tx:
            await incidents.sign_baseline(tx, mara, 1, "5xx at 0.4%", w.now)
        composer = (await http.get(f"{COMMS}?close=yes")).text
        assert 'value="close"' in composer
        assert '<option value="resolved" selected' in composer
        one = await api("POST", COMMS, both, status=201)
        assert (await api("POST", COMMS, both, status=201))["id"] == one["id"]
        assert (await api("GET", "/incidents/INC-1"))["phase"] == "closed"
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        assert (published["stage"], published["updates"][-1]["body"]) == ("resolved", ended)
        assert "customers still read" not in (await http.get("/status-pages/kestrel")).text
