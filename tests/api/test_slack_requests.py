"""The address to which Slack posts: who is believed, what is done once, and what it answers to anything."""

import json
import random
from urllib.parse import urlencode

import httpx
import pytest

from firebell.chat import store
from firebell.chat.intents.model import OpenModal
from firebell.chat.slack import inbound, modals
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Unavailable
from tests.chat_inbound_world import ADA, JUN, MARA, ChatWorld, chat_world, connect
from tests.standins.slack.inbound import SECRET, buttons, signature

FORM = "application/x-www-form-urlencoded"


async def counts(c: ChatWorld) -> tuple[int, int, int]:
    """Return how many incidents, keys and stored events there are."""
    async with c.world.ctx.db.tx() as tx:
        row = await tx.row(
            """
            select (select count(*) from incident) incidents,
                (select count(*) from chat_seen) keys,
                (select count(*) from chat_inbox) events
            """
        )
    assert row
    return row["incidents"], row["keys"], row["events"]


async def test_a_request_without_a_valid_signature_is_refused_and_does_nothing(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        body = c.slack.form("/incident", "declare sev1 Card payments fail", MARA)
        now = str(int(c.world.now.timestamp()))
        good = {
            "X-Slack-Request-Timestamp": now,
            "X-Slack-Signature": signature(SECRET, now, body),
            "Content-Type": FORM,
        }
        old = str(int(c.world.now.timestamp()) - 301)
        for wrong in (
            {"X-Slack-Signature": ""},
            {"X-Slack-Signature": "v0=" + "0" * 64},
            {"X-Slack-Request-Timestamp": "abc"},
            {"X-Slack-Request-Timestamp": old, "X-Slack-Signature": signature(SECRET, old, body)},
            {"X-Slack-Signature": signature("another", now, body)},
        ):
            answer = await c.slack.http.post("/chat/slack", content=body, headers={**good, **wrong})
            assert (answer.status_code, answer.content) == (401, b"")
        assert await counts(c) == (0, 0, 0)
        answer = await c.slack.http.post("/chat/slack", content=body, headers=good)
        assert answer.status_code == 200
        assert (await counts(c))[0] == 1


async def test_another_workspace_cannot_act_in_this_one_with_its_own_secret(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await connect(c.world, "T2", ("the secret of T2",))
        body = c.slack.form("/incident", "declare sev1 Card payments fail", MARA)
        answer = await c.slack.post(body, secret="the secret of T2")
        assert (answer.status_code, (await counts(c))[0]) == (401, 0)


async def test_slack_confirms_the_address_and_a_body_over_the_limit_is_refused(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        challenge = json.dumps({"type": "url_verification", "challenge": "c", "token": "t"}).encode()
        answer = await c.slack.post(challenge, "application/json")
        assert (answer.status_code, answer.json()) == (200, {"challenge": "c"})
        assert (await c.slack.post(b"x" * (512 * 1024 + 1))).status_code == 413
        assert (await c.slack.post(urlencode({"ssl_check": "1", "token": "t"}).encode())).status_code == 200


async def test_a_repeated_or_replayed_command_declares_once_and_answers_the_same(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        body = c.slack.form("/incident", "declare sev2 Card payments fail", MARA)
        first = await c.slack.post(body)
        again = await c.slack.post(body, **{"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"})
        assert first.json() == again.json()
        assert (await counts(c))[:2] == (1, 1)


async def test_a_repeated_event_is_stored_once(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        for _ in range(3):
            await c.slack.event({"type": "app_mention", "user": MARA, "channel": "C0", "text": "hi"}, "Ev1")
        assert (await counts(c))[2] == 1


async def test_anything_that_is_signed_gets_200_and_never_an_error(dsn: str, clock: FakeClock) -> None:
    rng = random.Random(4812)  # noqa: S311 - a test's dice
    async with chat_world(dsn, clock) as c:
        event = {"type": "event_callback", "team_id": "T1", "event_id": "E", "event": {"type": "message"}}
        samples = [
            (c.slack.form("/incident", "list", ADA), FORM),
            (c.slack.interaction("block_actions", ADA, actions=[{"action_id": "fb_run_0"}]), FORM),
            (c.slack.interaction("view_submission", ADA, view={"callback_id": "fb_declare"}), FORM),
            (c.slack.interaction("message_action", ADA, callback_id="fb_timeline"), FORM),
            (c.slack.interaction("block_suggestion", ADA, action_id="services", value="x"), FORM),
            (json.dumps(event).encode(), "application/json"),
        ]
        statuses = set()
        for number in range(1000):
            body, kind = samples[number % len(samples)]
            statuses.add((await c.slack.post(mutated(body, rng), kind)).status_code)
        for body in (b"[" * 100_000, b'{"a":1e999}', b'{"type":"event_callback","event":[]}', b"null", b""):
            statuses.add((await c.slack.post(body, "application/json")).status_code)
            statuses.add((await c.slack.post(b"payload=" + body)).status_code)
        # 401: a mutation that names another workspace, or is no text
        assert statuses <= {200, 401}
        assert (await counts(c))[0] == 0


def mutated(body: bytes, rng: random.Random) -> bytes:
    """Return a body with a few bytes changed, dropped, doubled or cut off."""
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        place = rng.randrange(len(changed) + 1)
        match rng.randrange(4):
            case 0:
                changed[place : place + 1] = bytes([rng.randrange(256)])
            case 1:
                del changed[place : place + rng.randrange(20)]
            case 2:
                changed[place:place] = changed[place : place + 20]
            case _:
                del changed[place:]
    return bytes(changed)


async def test_a_command_says_when_the_database_is_away_and_an_event_is_repeated(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with chat_world(dsn, clock) as c:
        assert "blocks" in await c.slack.command("/incident list", MARA)
        away = type(c.world.ctx.db)

        def refuse(self: object) -> None:
            raise Unavailable("The database cannot be reached.")

        with monkeypatch.context() as patch:
            patch.setattr(away, "tx", refuse)
            answer = await c.slack.command("/incident declare sev2 Card payments fail", MARA)
            assert answer["response_type"] == "ephemeral"
            assert "nothing was done" in answer["text"]
            pressed = await c.slack.press("fb_page_ack", '{"p":1,"v":1}', MARA)
            assert "nothing was done" in pressed["text"]
            await c.slack.event({"type": "app_mention", "user": MARA, "text": "hi"}, status=503)
        assert (await counts(c))[0] == 0


async def test_too_many_commands_of_one_user_are_refused_for_a_minute(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        for _ in range(30):
            await c.slack.command("/incident list", MARA)
        refused = await c.slack.command("/incident declare sev2 Card payments fail", MARA)
        assert "Too many commands" in refused["text"]
        assert (await counts(c))[0] == 0
        await c.slack.command("/incident declare sev2 Card payments fail", JUN)
        assert (await counts(c))[0] == 1


async def test_without_an_account_nothing_is_believed(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        async with c.world.ctx.db.tx() as tx:
            await store.delete_account(tx, c.account)
        answer: httpx.Response = await c.slack.post(c.slack.form("/incident", "list", MARA))
        assert answer.status_code == 401


async def test_what_takes_too_long_is_done_once_and_answered_later(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "BUDGET_S", 0.0)
    async with chat_world(dsn, clock) as c:
        answer = await c.slack.command("/incident declare sev2 Card payments fail", MARA, "C7")
        assert "Working on it" in answer["text"]
        await c.world.settle()
        assert (await counts(c))[:2] == (1, 1)
        (answer,) = c.slack.called("chat.postEphemeral")
        assert (answer["channel"], answer["user"], "INC-1" in answer["text"]) == ("C7", MARA, True)
        async with c.world.ctx.db.tx() as tx:
            stored = str(await tx.value("select body from chat_inbox"))
        assert "response_url" not in stored
        assert "trigger_id" not in stored


async def test_a_late_form_is_offered_again_and_a_late_declaration_is_confirmed(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound, "BUDGET_S", 0.0)
    async with chat_world(dsn, clock) as c:
        await c.slack.command("/incident", MARA, "C7")
        await c.world.settle()
        (offered,) = c.slack.called("chat.postEphemeral")
        assert [b["text"]["text"] for b in buttons(offered)] == ["Open again"]
        view = modals.view_for(OpenModal("declare", title="Card payments fail", severity=2))
        assert view is not None
        values = {
            "title": {"value": "Card payments fail"},
            "severity": {"selected_option": {"value": "sev2"}},
        }
        assert (await c.slack.submit(view, values, MARA))["response_action"] == "update"
        await c.world.settle()
        assert (await counts(c))[0] == 1
        (answer,) = c.slack.called("chat.postMessage")
        assert (answer["channel"], "INC-1" in answer["text"]) == (MARA, True)
