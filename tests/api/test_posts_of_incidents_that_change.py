"""What was written before an incident turned out to be about personal data, or became private, or in a drill."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from firebell.audiences.posts.mailer import AudienceMailer
from firebell.comms.approval_rules import STRIPPED_SUBJECT
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import LIVE_CHANNEL
from tests.api.api_clients import Api, browser, key_of, organization
from tests.api.test_a_post_reaches_customers import TEXT
from tests.servers import mail_server
from tests.stories.test_emails import Mailbox
from tests.world import World, world

CAUSE = "Payments fail because of our bank"
COMMS = "/incidents/INC-1/comms"
POSTS = "/incidents/INC-1/audiences/posts"
FIRST = "We are sorry: card payments fail since 03:00 UTC. We are moving traffic. You can pay by invoice."
LATER = "We moved traffic at 03:40 UTC and are watching card payments. You can pay by invoice meanwhile."


async def _declare(w: World, commander: int, severity: int, title: str = "Card payments fail") -> None:
    async with w.ctx.db.tx() as tx:
        await incidents.declare(
            *(tx, await w.actor(w.mara)),
            title=title,
            severity=severity,
            commander_id=commander,
            service_ids=[w.service],
            now=w.now,
        )


async def _publish(w: World, api: Api, bodies: dict[str, str], target: str, **more: Any) -> dict[str, Any]:
    post: dict[str, Any] = {
        "bodies": bodies,
        "targets": [target],
        "stage": "investigating",
        "revision": (await api("GET", COMMS))["revision"],
        "next_update_at": (w.now + timedelta(minutes=30)).isoformat(),
        "headline": "Card payments fail",
        "reason": "Known",
        **more,
    }
    sent: dict[str, Any] = await api("POST", COMMS, post, status=201)
    return sent


@asynccontextmanager
async def _mailing(dsn: str, clock: FakeClock, box: Mailbox) -> AsyncIterator[tuple[World, Api]]:
    """Yield an organization that sends mail, with a SEV2."""
    async with (
        mail_server(box) as port,
        world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}") as w,
        browser(w) as http,
    ):
        await _declare(w, w.mara, 2)
        yield w, Api(http, await key_of(w.ctx.db, clock, w.mara))


async def _set_type(api: Api, kind: str, *, private: bool) -> None:
    await api("PUT", "/incidents/INC-1/type", {"type": kind, "private": private})


async def _mail_customers(w: World, api: Api, **more: Any) -> dict[str, Any]:
    """Write to the customers of the service, from the composer; the mail waits for 30 seconds."""
    customer = await api("POST", "/customers", {"name": "Nordpost"}, status=201)
    contact = {"address": "ops@nordpost.example", "name": "Ida"}
    await api("POST", f"/customers/{customer['id']}/contacts", contact, status=201)
    return await _publish(w, api, {"customer": TEXT}, "audience:customers", **more)


async def test_silence_publishes_nothing_of_what_became_a_breach_while_it_waited(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", page, status=201)
        await _declare(w, w.jun, 1)
        await _publish(w, api, {"public": FIRST}, "status_page:kestrel")
        clock.advance(timedelta(minutes=3))
        post = await _publish(w, api, {"public": LATER}, "status_page:kestrel")
        assert [each["rule"] for each in post["approvals"]] == ["facts"]
        await _set_type(api, "data_protection", private=False)
        clock.advance(timedelta(minutes=5))
        await w.settle()
        waiting = await api("GET", f"{COMMS}/posts/{post['id']}")
        assert waiting["state"] == "waiting"
        asked = {(each["rule"], each["role"]) for each in waiting["approvals"]}
        assert {("protected", "legal"), ("protected", "executives")} <= asked


async def test_a_post_is_not_held_forever_because_its_incident_was_called_a_breach_by_mistake(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await _declare(w, w.jun, 1)
        post = await _mail_customers(w, api)

        async def shown() -> dict[str, Any]:
            await w.settle()
            waiting: dict[str, Any] = await api("GET", f"{COMMS}/posts/{post['id']}")
            return waiting

        await _set_type(api, "data_protection", private=False)
        # those who must approve it now are asked before the first wait ends
        assert {each["rule"] for each in (await shown())["approvals"]} == {"facts", "protected"}
        clock.advance(timedelta(minutes=5))
        assert (await shown())["state"] == "waiting"
        await _set_type(api, "operational", private=False)
        assert (await shown())["state"] == "published"


async def test_silence_puts_no_cause_into_the_subject_of_a_mail_to_customers(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await _declare(w, w.jun, 1)
        post = await _mail_customers(w, api, mail_subject="Payments fail because of our bank")
        assert {each["rule"] for each in post["approvals"]} == {"facts", "claims"}
        clock.advance(timedelta(minutes=10))
        await w.settle()
        [sent] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert sent["texts"][0]["subject"] == "Card payments fail"
        shown = await api("GET", f"{COMMS}/posts/{post['id']}")
        assert shown["deliveries"][0]["removed"] == ["Payments fail because of our bank"]


@pytest.mark.parametrize(
    ("title", "headline", "subject"),
    [
        ("Card payments fail", f"Cards: {CAUSE}", CAUSE),
        ("Card payments fail", CAUSE, ""),
        (CAUSE, "", ""),
    ],
)
async def test_no_cause_replaces_a_subject_that_no_one_approved(
    dsn: str, clock: FakeClock, title: str, headline: str, subject: str
) -> None:
    async with organization(dsn, clock) as (w, api):
        await _declare(w, w.jun, 1, title)
        post = await _mail_customers(w, api, mail_subject=subject, headline=headline)
        assert {each["rule"] for each in post["approvals"]} == {"facts", "claims"}
        clock.advance(timedelta(minutes=10))
        await w.settle()
        [sent] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert sent["texts"][0]["subject"] == STRIPPED_SUBJECT


async def test_customers_get_no_mail_about_an_incident_that_became_private_while_it_waited(
    dsn: str, clock: FakeClock
) -> None:
    box = Mailbox()
    async with _mailing(dsn, clock, box) as (w, api):
        await _mail_customers(w, api)
        clock.advance(timedelta(seconds=20))
        await _set_type(api, "security", private=True)
        clock.advance(timedelta(seconds=20))
        await w.settle()
        assert box.recipients == []
        [post] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert (post["texts"][0]["void"], post["texts"][0]["queued"]) == (1, 0)


async def test_an_open_incident_page_hears_that_a_mail_was_withheld(dsn: str, clock: FakeClock) -> None:
    async with _mailing(dsn, clock, Mailbox()) as (w, api):
        await _mail_customers(w, api)
        await _set_type(api, "security", private=True)
        clock.advance(timedelta(seconds=40))
        db, topics = w.ctx.work_db, list[str]()
        for each in (w.ctx.db, db):
            await each.flush()
        listener = await db.listen({LIVE_CHANNEL: topics.append})
        assert await AudienceMailer(w.ctx).run_once(w.now) == 1
        async with db.tx() as tx:
            await tx.live("last")
        async with asyncio.timeout(60):
            while "last" not in topics:
                await asyncio.sleep(0.01)
        await listener.close()
        assert "inc-1" in topics


async def test_a_mail_to_customers_that_failed_is_not_sent_again_once_the_incident_is_private(
    dsn: str, clock: FakeClock
) -> None:
    box = Mailbox()
    async with _mailing(dsn, clock, box) as (w, api):
        await _mail_customers(w, api)
        box.refuse += ["451 try later"] * 5
        for minutes in (1, 6, 16, 61, 241):
            clock.advance(timedelta(minutes=minutes))
            await w.settle()
        [post] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert post["texts"][0]["failed"] == 1
        await _set_type(api, "security", private=True)
        await api("POST", f"{POSTS}/{post['id']}/retry", status=409)
        await w.settle()
        assert len(box.mails) == 5


async def test_retrying_a_post_counts_no_mails_to_customers_once_the_incident_is_private(
    dsn: str, clock: FakeClock
) -> None:
    """The count included mails to customers, which were withheld a moment later."""
    box = Mailbox()
    async with _mailing(dsn, clock, box) as (w, api):
        customer = await api("POST", "/customers", {"name": "Nordpost"}, status=201)
        contact = {"address": "ops@nordpost.example", "name": "Ida"}
        await api("POST", f"/customers/{customer['id']}/contacts", contact, status=201)
        audiences = (await api("GET", "/audiences"))["audiences"]
        executives = next(each for each in audiences if each["slug"] == "executives")
        fields = {
            name: value for name, value in executives.items() if name not in ("slug", "follows_updates")
        }
        await api("PUT", "/audiences/executives", {**fields, "members": [f"person:{w.jun}"]})
        texts = [
            {"audience": audience, "subject": "Card payments fail", "body": "A third fails."}
            for audience in ("executives", "customers")
        ]
        post = await api("POST", POSTS, {"moment": "first", "texts": texts}, status=201)
        box.refuse += ["451 try later"] * 10
        for minutes in (1, 6, 16, 61, 241):
            clock.advance(timedelta(minutes=minutes))
            await w.settle()
        [shown] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert [text["failed"] for text in shown["texts"]] == [1, 1]
        await _set_type(api, "security", private=True)
        assert await api("POST", f"{POSTS}/{post['id']}/retry") == {"queued": 1}


async def test_a_post_to_customers_in_a_drill_can_be_undone(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await _declare(w, w.mara, 2)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set drill = true where id = 1")
        sent = await _mail_customers(w, api)
        assert [each["state"] for each in sent["deliveries"]] == ["sent"]
        await api("POST", f"/undo/{sent['undo']['token']}")
        assert (await api("GET", f"{COMMS}/posts/{sent['id']}"))["state"] == "recalled"
