"""Setup with a webhook shows the signing secret once, so that the receiver can verify signatures."""

import re

from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.process import connected
from tests.api.test_setup_needs_its_token import FORM, client, token_in
from tests.world import settings

HOOK = "https://hooks.example.org/mara"


async def test_the_secret_of_a_new_webhook_is_shown_once(dsn: str, clock: FakeClock) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        form = {**FORM, "webhook": HOOK, "token": token_in(await http.get("/setup"))}
        answer = await http.post("/setup", data=form)
        done = answer.headers["location"]
        assert "whsec_" not in answer.headers["set-cookie"]
        async with ctx.db.tx() as tx:
            method = next(m for m in (await people.methods_of(tx, [1])) if m.kind == "webhook")
            secret = await people.signing_secret(tx, 1, method.id)
        assert secret.startswith("whsec_")
        refresh = await http.get(done, headers={"X-Live": "1"})
        assert secret not in refresh.text
        shown = await http.get(done)
        assert re.search(r'id="flash".*?role="status">Kestrel', shown.text, re.S)
        assert secret in shown.text.partition('id="secret"')[2]
        assert "whsec_" not in (await http.get(done)).text


async def test_without_a_webhook_there_is_no_secret_to_show(dsn: str, clock: FakeClock) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        form = {**FORM, "token": token_in(await http.get("/setup"))}
        done = (await http.post("/setup", data=form)).headers["location"]
        assert 'id="secret"' not in (await http.get(done)).text
