"""On the web a person is asked for the code right after they add a contact method, join, or set Firebell up."""

import re

from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import MethodState
from firebell.process import connected
from tests.api.api_clients import TEST, browser
from tests.api.test_actions_are_confirmed_or_undone import said, web
from tests.api.test_long_lists_on_the_web import read
from tests.api.test_setup_needs_its_token import FORM, client, token_in
from tests.servers import mail_server
from tests.stories.test_emails import Mailbox, heading
from tests.world import settings, world


def code_field(page: str) -> str:
    """Return the field for the code."""
    field = re.search(r'<input [^>]*name="code"[^>]*>', page)
    assert field
    return field[0]


async def test_a_new_contact_method_asks_for_its_code_at_once(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        shown = await b.post("/settings/contact", {"kind": "webhook", "address": f"{b.w.sink.url}/new"})
        assert 'id="methods"' in shown.text, "the signing secret is shown first"
        async with b.w.ctx.db.tx() as tx:
            method = max(await people.methods_of(tx, [b.w.mara]), key=lambda m: m.id)
        page = f"/settings/contact/{method.id}/verify"
        assert f'href="{page}"' in shown.text
        await b.w.settle()
        field = code_field(await read(b.http, page))
        assert 'inputmode="numeric"' in field
        assert 'autocomplete="one-time-code"' in field
        refused = await b.post(page, {"code": "12345"})
        assert refused.status_code == 422
        assert 'aria-invalid="true"' in code_field(refused.text)
        limited = await b.post(f"/settings/contact/{method.id}/verification")
        assert limited.status_code == 429
        code = b.w.sink.got[-1]["code"]
        done = await b.post(page, {"code": code, "back": "/oncall/me"})
        assert (done.url.path, bool(said(done.text))) == ("/oncall/me", True)
        assert (await b.http.get(page)).headers["location"] == "/settings/contact"
        used = await b.post(page, {"code": code})
        assert used.status_code == 422


async def test_an_email_address_leads_straight_to_its_code(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        shown = await b.post("/settings/contact", {"kind": "email", "address": "mara2@example.org"})
        assert re.fullmatch(r"/settings/contact/\d+/verify", shown.url.path)
        code_field(shown.text)


async def test_a_page_of_another_site_is_never_where_a_code_leads(dsn: str, clock: FakeClock) -> None:
    async with web(dsn, clock) as b:
        async with b.w.ctx.db.tx() as tx:
            (hook,) = [m for m in await people.methods_of(tx, [b.w.mara]) if m.kind == "webhook"]
        await b.post(f"/settings/contact/{hook.id}/verification")
        await b.w.settle()
        form = {"csrf": b.csrf, "code": b.w.sink.got[-1]["code"], "back": "//evil.example"}
        done = await b.http.post(f"/settings/contact/{hook.id}/verify", data=form)
        assert done.headers["location"] == "/settings/contact"


async def test_who_is_invited_verifies_their_address_after_the_password(dsn: str, clock: FakeClock) -> None:
    box = Mailbox()
    async with (
        mail_server(box) as port,
        world(dsn, clock, smtp_url=f"smtp://127.0.0.1:{port}") as w,
        browser(w) as http,
    ):
        async with w.ctx.db.tx() as tx:
            link = await people.welcome_link(tx, TEST, w.ctx.signer, w.jun, w.now)
        joined = await http.post(link, data={"password": "the night is long enough"})
        page = joined.headers["location"]
        await w.settle()
        shown = await read(http, page)
        code = heading(box.mails[-1]).split()[0]
        csrf = re.search(r'name="csrf" value="([^"]+)"', shown)
        assert csrf
        done = await http.post(page.partition("?")[0], data={"csrf": csrf[1], "code": code, "back": "/"})
        assert done.headers["location"] == "/"
        async with w.ctx.db.tx() as tx:
            (email,) = [m for m in await people.methods_of(tx, [w.jun]) if m.kind == "email"]
            assert email.state is MethodState.VERIFIED
            again = await people.welcome_link(tx, TEST, w.ctx.signer, w.jun, w.now)
        assert (await http.post(again, data={"password": "another night is long"})).headers["location"] == "/"


async def test_setup_is_one_form_and_then_asks_for_the_codes(dsn: str, clock: FakeClock) -> None:
    async with connected(settings(), dsn, clock) as ctx, client(ctx, "127.0.0.1") as http:
        form = {**FORM, "ntfy": "mara-7f3a", "token": token_in(await http.get("/setup"))}
        done = await http.get((await http.post("/setup", data=form)).headers["location"])
        async with ctx.db.tx() as tx:
            ids = {m.kind: m.id for m in await people.methods_of(tx, [1])}
            sent = await tx.fetch("select method_id from contact_code")
        assert [row["method_id"] for row in sent] == [ids["ntfy"]], "email is off"
        asked = re.findall(r'href="/settings/contact/(\d+)/verify\?back=([^"]+)"', done.text)
        assert asked == [(str(ids["ntfy"]), "/setup/done%3Fservice%3Dcheckout")]
