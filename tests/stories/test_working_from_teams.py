"""Incidents from Microsoft Teams, through an Outgoing Webhook."""

import base64
import hashlib
import hmac
import json
import re
from typing import Any

import httpx

from firebell.chat import token_check
from firebell.chat.accounts import actions as accounts
from firebell.chat.model import ChatKind
from firebell.chat.received import store as inbound_store
from firebell.chat.users import ChatUser, LinkedBy
from firebell.incidents import actions as incidents
from firebell.incidents.model import OPEN
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.api.api_clients import browser
from tests.api.test_long_lists_on_the_web import signed_in
from tests.chat_world import declare, make_private
from tests.standins import adaptive_card_rules
from tests.world import World, world

SECRET = base64.b64encode(b"a security token of thirty bytes").decode()


async def write(w: World, http: httpx.AsyncClient, text: str, user: str, number: int = 1) -> httpx.Response:
    """Have a user of the team mention Firebell."""
    body = json.dumps(
        {
            "type": "message",
            "id": str(number),
            "timestamp": w.now.isoformat(),
            "text": f"<at>Firebell</at> {text}",
            "from": {"id": "29:1", "aadObjectId": user, "name": "Mara"},
            "conversation": {"id": "19:channel@thread.tacv2;messageid=1"},
        }
    ).encode()
    key = base64.b64decode(SECRET)
    signature = base64.b64encode(hmac.new(key, body, hashlib.sha256).digest()).decode()
    return await http.post("/chat/teams", content=body, headers={"Authorization": f"HMAC {signature}"})


def shown(answer: httpx.Response) -> str:
    """Return the card of an answer as text."""
    message: dict[str, Any] = answer.json()
    assert adaptive_card_rules.of_message(message) == []
    return str(message["attachments"][0]["content"])


async def test_the_address_that_the_settings_show_receives_what_teams_sends(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        page = (await http.get("/settings/chat")).text
        [path] = re.findall(r"create an Outgoing Webhook for http://[^/ ]+(/\S+) and", page)
        unsigned = await http.post(path, content=b"{}", headers={"Authorization": "HMAC x"})
        assert unsigned.status_code == 401


async def test_an_incident_is_declared_and_read_in_teams(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        address = "https://prod.example.logic.azure.com/workflows/1"
        connection, secrets = token_check.webhook(ChatKind.TEAMS, "incidents", address, SECRET)
        async with w.ctx.db.tx() as tx:
            account = await accounts.connect(tx, SYSTEM, connection, secrets, "", "UTC", w.now)
            await inbound_store.save_user(
                tx, ChatUser(account.id, "entra-mara", w.mara, LinkedBy.EXPLICIT, "Mara", "", False, w.now)
            )
            await accounts.pause(tx, SYSTEM, account.id, w.now)

        assert "INC-1" in shown(await write(w, http, "declare sev2 Card payments fail", "entra-mara"))
        # Teams sent it twice
        await write(w, http, "declare sev2 Card payments fail", "entra-mara")
        await write(w, http, "INC-1 update We roll back", "entra-mara", 2)
        assert "/chat/link/" in shown(await write(w, http, "INC-1 update As no one", "entra-ada", 3))
        async with w.ctx.db.tx() as tx:
            assert [each.id for each in await incidents.incidents(tx, tuple(OPEN), False, 10)] == [1]
            entries = await incidents.timeline(tx, 1)
        assert [(e.text, e.actor_id) for e in entries if e.kind == "update"] == [("We roll back", w.mara)]

        # what Teams has no form for is done in Firebell
        assert "/incidents/INC-1" in shown(await write(w, http, "INC-1 sev3", "entra-mara", 4))
        # everyone in the channel reads the answer
        await declare(w, "Credentials leaked")
        await make_private(w)
        assert "Credentials" not in shown(await write(w, http, "INC-2 status", "entra-mara", 5))
        assert "Credentials" not in shown(await write(w, http, "list", "entra-mara", 6))

        old = await write(w, http, "INC-1 resolve", "entra-mara", 7)
        assert old.status_code == 200
        forged = await http.post("/chat/teams", content=b"{}", headers={"Authorization": "HMAC x"})
        assert forged.status_code == 401
        large = await http.post("/chat/teams", content=b"x" * 300_000)
        assert large.status_code == 413
