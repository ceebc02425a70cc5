"""What someone writes in the composer reaches customers by email, each address once, and can be taken back."""

from datetime import timedelta
from typing import Any

from firebell.audiences.posts import delivery_store
from firebell.audiences.posts.mailer import AudienceMailer
from firebell.chat.handlers import dispatch as handlers
from firebell.chat.intents.commands import INCIDENT, parse
from firebell.chat.intents.reply_model import Reply
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import Account, AccountState, ChatKind
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.api.api_clients import Api, key_of, organization
from tests.world import World

COMMS = "/incidents/INC-1/comms"
TEXT = "We are sorry: reports are late since 03:00 UTC. We are adding workers. You can export data meanwhile."
CHAT = "We are sorry: reports are still late since 03:00 UTC. We are adding workers. You can export data meanwhile."
GERMAN = "Es tut uns leid: Berichte kommen seit 03:00 UTC zu spät."


async def test_customers_get_the_text_of_a_post_until_it_is_recalled(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        customer = await api("POST", "/customers", {"name": "Nordpost"}, status=201)
        contact = {"address": "ops@nordpost.example", "name": "Ida", "language": "de"}
        await api("POST", f"/customers/{customer['id']}/contacts", {**contact, "language": "tlh"}, status=422)
        await api("POST", f"/customers/{customer['id']}/contacts", contact, status=201)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                *(tx, await w.actor(w.mara)),
                title="Reports are late",
                severity=2,
                commander_id=w.mara,
                service_ids=[w.service],
                now=w.now,
            )
        targets = {each["key"]: each for each in (await api("GET", COMMS))["targets"]}
        assert targets["audience:customers"]["reader"] == "customer"
        post = {
            "bodies": {"customer": TEXT},
            "targets": ["audience:customers"],
            "revision": 0,
            "next_update_at": (clock.now() + timedelta(minutes=30)).isoformat(),
            "headline": "Reports are late",
        }
        sent = await api("POST", COMMS, post, status=201)
        assert [(each["target"], each["state"]) for each in sent["deliveries"]] == [
            ("audience:customers", "sent")
        ]
        [queued] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert [text["subject"] for text in queued["texts"]] == ["Reports are late"]
        await api("POST", f"/undo/{sent['undo']['token']}")
        [recalled] = (await api("GET", "/incidents/INC-1/audiences"))["posts"]
        assert recalled["recalled_at"] is not None

        await _publish_translated(w, api, post)
        await _publish_from_a_chat(w, api)
        await _address_the_desk(w, api)


async def _publish_translated(w: World, api: Api, post: dict[str, Any]) -> None:
    """A contact gets the translation of the public text in their language, and the reason for the mail too."""
    page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
    await api("POST", "/status-pages", page, status=201)
    await api("PATCH", "/status-pages/kestrel/theme", {"locales": ["de", "fr"]})
    revision = (await api("GET", COMMS))["revision"]
    both = {
        **post,
        "bodies": {"public": TEXT},
        "translations": {"de": GERMAN},
        "targets": ["status_page:kestrel", "audience:customers"],
        "stage": "investigating",
        "revision": revision,
    }
    sent = await api("POST", COMMS, both, status=201)
    assert {each["state"] for each in sent["deliveries"]} == {"sent"}
    later = w.now + timedelta(minutes=1)
    async with w.ctx.db.tx() as tx:
        [mail] = await delivery_store.claim(tx, later, later, 10)
        assert (mail.address, mail.body, mail.locale) == ("ops@nordpost.example", GERMAN, "de")
        await tx.execute("update customer_contact set locale = 'fr'")
        await tx.execute("update audience_delivery set locale = 'fr', leased_until = null")
        [mail] = await delivery_store.claim(tx, later, later, 10)
        assert (mail.body, mail.locale) == (TEXT, ""), "nothing was translated into French"


async def _publish_from_a_chat(w: World, api: Api) -> None:
    """A chat publishes with the checks of the composer, and its undo makes the text the draft."""
    account = Account(1, ChatKind.TEAMS, "T1", "Kestrel", "webhook", "", (), AccountState.OK)

    async def command(text: str, person: int) -> Reply:
        async with w.ctx.db.tx() as tx:
            who = (await people.people_by_id(tx, [person]))[person]
            context = ChatContext(account, "U1", who.name, "C1", who, 1, "https://firebell.example.org")
            return await handlers.handle(tx, context, parse(INCIDENT, text, 1), w.now)

    async def last_update() -> dict[str, Any]:
        [published] = await api("GET", "/status-pages/kestrel/incidents")
        return published["updates"][-1]  # type: ignore[no-any-return]

    w.clock.advance(timedelta(minutes=5))
    assert not (await command("public The database is fixed soon.", w.mara)).done
    assert not (await command(f"public {CHAT}", w.jun)).done, "who may not publish"
    assert (await last_update())["body"] == TEXT
    assert (await command(f"public {CHAT}", w.mara)).done
    update = await last_update()
    assert (update["body"], update["stage"], bool(update["next_update_at"])) == (CHAT, "investigating", True)
    assert not (await command("unpublish", w.jun)).done, "only its author"
    assert (await command("unpublish", w.mara)).done
    assert (await last_update())["body"].startswith("Removed at")
    assert (await api("GET", COMMS))["content"]["bodies"]["public"] == CHAT
    assert not (await command(f"public {CHAT}", w.mara)).done, "a draft waits"
    assert "teams" in str(await api("GET", "/audit", limit=50))


async def _address_the_desk(w: World, api: Api) -> None:
    """Roles and addresses are members; a private incident reaches no address, and one that is erased is no member."""
    audiences = (await api("GET", "/audiences"))["audiences"]
    support = next(each for each in audiences if each["slug"] == "support")
    fields = {name: value for name, value in support.items() if name not in ("slug", "follows_updates")}
    hook = "https://hooks.kestrel.example/T0/secret"
    members = ["role:commander", "address:Desk@kestrel.example", f"webhook:{hook}"]
    await api("PUT", "/audiences/support", {**fields, "members": members})
    posts = "/incidents/INC-1/audiences/posts"
    text = {"audience": "support", "subject": "Reports", "body": "Reports are late."}
    post = await api("POST", posts, {"moment": "first", "texts": [text]}, status=201)
    deliveries = await api("GET", f"{posts}/{post['id']}/deliveries")
    reached = {"mara@example.org", "desk@kestrel.example", "Webhook at hooks.kestrel.example"}
    assert {each["address"] for each in deliveries} == reached
    [secret] = await api("GET", "/audiences/support/webhooks")
    assert (secret["url"], secret["secret"][:6]) == (hook, "whsec_")
    async with w.ctx.db.tx() as tx:
        await tx.execute("update audience_delivery set address = $1 where address = $2", w.sink.url, hook)
    mailer = AudienceMailer(w.ctx)
    await mailer.run_once(w.now + timedelta(minutes=2))
    [event] = [each for each in w.sink.got if each.get("type") == "audience.post"]
    assert (event["data"]["incident"], event["data"]["audience"]) == ("INC-1", "Support")
    assert event["data"]["note"] == "Reports are late."
    assert w.sink.headers[-1]["webhook-signature"].startswith("v1,")
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    assert "T0" not in str(await jun("GET", "/audiences"))
    await api("PUT", "/incidents/INC-1/type", {"type": "security", "private": True})
    post = await api("POST", posts, {"moment": "update", "texts": [text]}, status=201)
    assert [each["recipients"] for each in post["texts"]] == [1]
    await api("POST", "/customers/erase", {"address": "desk@kestrel.example"})
    saved = (await api("GET", "/audiences"))["audiences"]
    assert next(each["members"] for each in saved if each["slug"] == "support") == [
        "role:commander",
        f"webhook:{hook}",
    ]
