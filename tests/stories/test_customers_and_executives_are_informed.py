"""An incident is told to executives and customers: due, drafted, sent once to each, recalled, erased and checked."""

from datetime import timedelta
from typing import Any

import httpx

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.api.test_timeline_entries import declare
from tests.servers import mail_server
from tests.stories.test_emails import Mailbox, heading, part
from tests.world import World, world

CONTACTS = """customer,contact,email,services
Nordpost,Ida Berg,ida@nordpost.example,checkout
Lumen,Chiara,it@lumen.example,no-such-service
"""
POSTS = "/incidents/INC-1/audiences/posts"


SORRY = "We are **sorry**.\n\n- Pay [by invoice](https://pay.example/x)\n\n<script>alert(1)</script>"


def text(audience: str, body: str, subject: str = "Card payments fail") -> dict[str, str]:
    return {"audience": audience, "subject": subject, "body": body}


async def clock_of(api: Api, slug: str, ref: str = "INC-1") -> dict[str, Any]:
    clocks = (await api("GET", f"/incidents/{ref}/audiences"))["clocks"]
    return next(each for each in clocks if each["audience"] == slug)


async def codes(api: Api, ref: str = "INC-1") -> dict[str, str]:
    """Return the levels of the findings about audiences, by code."""
    findings = (await api("GET", f"/incidents/{ref}/checks"))["findings"]
    return {each["code"]: each["level"] for each in findings if each["code"].startswith("T-")}


async def deliver(w: World, **by: float) -> None:
    w.clock.advance(timedelta(**by))
    await w.settle()


async def set_up(w: World, api: Api) -> None:
    """Import customers, and make Jun an executive."""
    refused = await api("POST", "/customers/import", {"csv": CONTACTS}, status=422)
    assert [each["field"] for each in refused["errors"]] == ["file"]
    assert await api("GET", "/customers") == []
    good = CONTACTS.replace("no-such-service", "") + "Nordpost,,jun@example.org,checkout\n"
    assert await api("POST", "/customers/import", {"csv": good}) == {"customers": 2, "contacts": 3}
    spoken = "customer,email,language\nNordpost,ida@nordpost.example,sv\n"
    assert await api("POST", "/customers/import", {"csv": spoken}) == {"customers": 0, "contacts": 1}
    again = {"csv": good.replace("Ida Berg", "Ida")}
    assert await api("POST", "/customers/import", again) == {"customers": 0, "contacts": 3}
    listed = {each["name"]: each for each in await api("GET", "/customers")}
    assert listed["Nordpost"]["service_ids"] == [w.service]
    assert {each["name"]: each["language"] for each in listed["Nordpost"]["contacts"]} == {
        "Ida": "sv",
        "": "",
    }
    audiences = (await api("GET", "/audiences"))["audiences"]
    executives = next(each for each in audiences if each["slug"] == "executives")
    fields = {name: value for name, value in executives.items() if name not in ("slug", "follows_updates")}
    await api("PUT", "/audiences/executives", {**fields, "members": ["customers:affected"]}, status=422)
    await api("PUT", "/audiences/executives", {**fields, "members": ["person:999"]}, status=422)
    saved = await api("PUT", "/audiences/executives", {**fields, "members": [f"person:{w.jun}"]})
    assert saved["members"] == [f"person:{w.jun}"]
    assert (await api("GET", "/audiences"))["version"] == 1


async def test_each_recipient_gets_one_email_and_what_is_late_is_a_finding(
    dsn: str, clock: FakeClock
) -> None:
    box = Mailbox()
    async with (
        mail_server(box) as port,
        world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}") as w,
        browser(w) as http,
    ):
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        await set_up(w, api)
        await declare(w, severity=1)
        async with w.ctx.db.tx() as tx:
            await tx.execute("insert into incident_service values (1, $1)", w.service)
        due_at = (clock.now() + timedelta(minutes=60)).isoformat().replace("+00:00", "Z")
        assert (await clock_of(api, "customers"))["due_at"] == due_at
        assert (await clock_of(api, "executives"))["due_at"] == due_at
        assert (await clock_of(api, "support"))["has_members"] is False

        draft = await api("GET", "/incidents/INC-1/audiences/customers/draft")
        assert (draft["moment"], draft["subject"]) == ("first", "Card payments fail - we're working on it")
        assert {"workaround", "status_link"} <= set(draft["missing"])
        unfinished = {"moment": "first", "texts": [text("customers", draft["body"])]}
        refused = await api("POST", POSTS, unfinished, status=422)
        assert [each["field"] for each in refused["errors"]] == ["body"]
        forged = {"moment": "first", "texts": [text("customers", "b", "A\r\nBcc: eve@example.net")]}
        await api("POST", POSTS, forged, status=422)
        await api("POST", POSTS, {"moment": "first", "texts": [text("support", "Wait.")]}, status=409)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("POST", POSTS, {"moment": "first", "texts": [text("executives", "b")]}, status=403)

        await deliver(w, minutes=40)
        reminded = {sent["title"] for sent in w.sink.got if sent.get("type") == "audience"}
        assert len(reminded) == 1, "of the email to customers, at half of the time"
        texts = [text("executives", "A third fails."), text("customers", SORRY)]
        post = await api("POST", POSTS, {"moment": "first", "texts": texts, "key": "k"}, status=201)
        assert [(each["audience"], each["recipients"]) for each in post["texts"]] == [
            ("executives", 0),
            ("customers", 3),
        ]
        again = await api("POST", POSTS, {"moment": "first", "texts": texts, "key": "k"}, status=201)
        assert again["id"] == post["id"]
        await deliver(w, seconds=29)
        assert box.recipients == []
        recalled = await api("POST", f"{POSTS}/{post['id']}/recall")
        assert recalled == {"recalled": 3}
        await api("POST", f"{POSTS}/{post['id']}/recall", status=409)
        assert (await clock_of(api, "customers"))["last_at"] is None

        box.refuse.append("451 try later")
        post = await api("POST", POSTS, {"moment": "first", "texts": texts}, status=201)
        await deliver(w, seconds=31)
        await deliver(w, minutes=5)
        addresses = sorted(each for recipients in box.recipients for each in recipients)
        assert [len(each) for each in box.recipients] == [1] * 4, "no message has two recipients"
        assert set(addresses) == {"ida@nordpost.example", "it@lumen.example", "jun@example.org"}
        assert {heading(mail) for mail in box.mails} == {"Card payments fail"}
        assert all(mail["Bcc"] is None for mail in box.mails)
        written = part(box.mails[0], "text/plain")
        assert "We are sorry." in written, "the text for customers wins"
        assert "- Pay by invoice (https://pay.example/x)" in written
        shown = part(box.mails[0], "text/html")
        assert "<strong>sorry</strong>" in shown
        assert '<li>Pay <a href="https://pay.example/x" rel="nofollow noopener">by invoice</a>' in shown
        assert "<script" not in shown
        assert "a contact of" in written
        assert "a contact of" in shown
        deliveries = await api("GET", f"{POSTS}/{post['id']}/deliveries")
        assert {each["state"] for each in deliveries} == {"sent"}
        assert sorted(each["attempts"] for each in deliveries) == [1, 1, 2]
        first_ids = [mail["Message-ID"] for mail in box.mails]
        assert len(set(first_ids)) == 3, "a repeat has the Message-ID of the first attempt"
        assert await codes(api) == {}

        executives = {"moment": "first", "texts": [text("executives", "A third fails.")]}
        await api("POST", POSTS, executives, status=201)
        await deliver(w, minutes=80)
        assert await codes(api) == {"T-AUDIENCE": "warning"}
        await api("POST", "/incidents/INC-1/entries", {"kind": "update", "text": "All."}, status=201)
        erased = await api("POST", "/customers/erase", {"address": "Ida@Nordpost.example"})
        assert erased == {"contacts": 1, "deliveries": 2}
        await api("POST", "/customers/erase", {"address": "ida@nordpost.example"}, status=404)
        deliveries = await api("GET", f"{POSTS}/{post['id']}/deliveries")
        assert sorted(each["address"] for each in deliveries) == ["", "it@lumen.example", "jun@example.org"]
        assert "ida@" not in str(await api("GET", "/audit", limit=200))

        await sign_in(w, http, w.mara)
        page = await http.get("/incidents/INC-1/audiences", params={"to": "executives", "post": post["id"]})
        assert page.status_code == 200
        assert "Erased contact" in page.text
        await shows_what_is_late(w, api, http)


async def shows_what_is_late(w: World, api: Api, http: httpx.AsyncClient) -> None:
    """Customers who hear nothing of a SEV1 are a finding; of a drill and a private incident nothing is sent."""
    await declare(w, severity=1)
    await deliver(w, minutes=61)
    assert await codes(api, "INC-2") == {"T-MAIL": "error"}
    page = await http.get("/incidents/INC-2")
    assert "/incidents/INC-2/audiences?to=customers" in page.text
    by_hand = {"text": "Sent with our own tool."}
    await api("POST", "/incidents/INC-2/response/customers", by_hand, status=201)
    assert await codes(api, "INC-2") == {"T-MAIL": "error"}, "once late, it stays late"
    await deliver(w, minutes=10)
    async with w.ctx.db.tx() as tx:
        await tx.execute("update incident set phase = 'closed', closed_at = $1 where id = 2", w.now)
    w.clock.advance(timedelta(hours=5))
    assert (await codes(api, "INC-2"))["T-MAIL2"] == "warning"
    w.clock.advance(timedelta(hours=20))
    assert (await codes(api, "INC-2"))["T-MAIL2"] == "error"
    over = {"moment": "end", "texts": [text("customers", "It is over.", "Over: card payments fail")]}
    await api("POST", "/incidents/INC-2/audiences/posts", over, status=201)
    await declare(w, severity=1)
    async with w.ctx.db.tx() as tx:
        await tx.execute("update incident set drill = true where id = 3")
    rehearsed = await api("POST", "/incidents/INC-3/audiences/posts", {**over, "moment": "first"}, status=201)
    assert (rehearsed["drill"], rehearsed["texts"][0]["void"]) == (True, rehearsed["texts"][0]["recipients"])
    async with w.ctx.db.tx() as tx:
        await tx.execute("update incident set drill = false, visibility = 'private' where id = 3")
    await api("POST", "/incidents/INC-3/audiences/posts", over, status=409)
