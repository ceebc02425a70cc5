"""What someone writes in the composer reaches customers by email, each address once, and can be taken back."""

from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import organization

COMMS = "/incidents/INC-1/comms"
TEXT = "We are sorry: reports are late since 03:00 UTC. We are adding workers. You can export data meanwhile."


async def test_customers_get_the_text_of_a_post_until_it_is_recalled(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        customer = await api("POST", "/customers", {"name": "Nordpost"}, status=201)
        contact = {"address": "ops@nordpost.example", "name": "Ida"}
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
