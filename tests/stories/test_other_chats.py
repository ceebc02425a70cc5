"""Incidents in Mattermost, Teams, Discord and Google Chat, each as far as it can."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from firebell.chat import store, token_check
from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.actions import Connection
from firebell.chat.model import Account, AccountSecrets, AnnouncementRule, ChatKind
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.chat_world import configure, dead, declare, note, run_for
from tests.standins.mattermost import TOKEN, Mattermost, serving
from tests.world import Sink, World, sink, world


@dataclass(slots=True)
class Team:
    """An organization whose chat is a team of Mattermost."""

    w: World
    server: Mattermost
    account: Account

    @property
    def channel(self) -> str:
        """The id of the one channel."""
        (channel,) = self.server.channels
        return channel


@asynccontextmanager
async def mattermost(dsn: str, clock: FakeClock) -> AsyncIterator[Team]:
    """Connect a team by its token, as an admin does."""
    async with serving(Mattermost(clock.now)) as server, world(dsn, clock) as w:
        server.add_user("mara@example.org")
        connection, secrets = await token_check.mattermost(w.ctx, server.url, TOKEN, "kestrel")
        async with w.ctx.db.tx() as tx:
            account = await accounts.connect(
                tx, SYSTEM, connection, secrets, token_check.hint(secrets), "UTC", w.now
            )
        yield Team(w, server, account)


async def test_an_incident_has_its_channel_in_mattermost(dsn: str, clock: FakeClock) -> None:
    async with mattermost(dsn, clock) as team:
        w, server = team.w, team.server
        incident = await declare(w, "Card *payments* fail @channel")
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.take_role(tx, actor, incident.id, IncidentRole.COMMANDER, w.mara, w.now)
        await run_for(w, 30)

        channel = server.channels[team.channel]
        assert channel["name"] == f"incident-{w.now:%Y-%m-%d}-card-payments-fail-channel"
        assert channel["header"].startswith("SEV1")
        (pinned,) = [p for p in server.posts.values() if p.get("is_pinned")]
        assert "Mara Lindqvist" in pinned["message"]
        assert "@channel" not in pinned["message"]
        assert server.members[team.channel] == {server.users["mara@example.org"]["id"]}
        assert await dead(w) == []


async def test_a_lost_answer_makes_no_second_post_in_mattermost(dsn: str, clock: FakeClock) -> None:
    async with mattermost(dsn, clock) as team:
        w, server = team.w, team.server
        server.lose_answers = 2
        incident = await declare(w)
        await run_for(w, 60)
        server.lose_answers = 1
        await note(w, incident, "only once")
        await run_for(w, 60)

        assert len(server.channels) == 1
        texts = server.texts(team.channel)
        assert sum("only once" in text for text in texts) == 1
        assert sum(p["props"]["firebell"]["key"].endswith("/summary") for p in server.posts.values()) == 1


async def test_an_entry_changes_the_summary_in_place_in_mattermost(dsn: str, clock: FakeClock) -> None:
    async with mattermost(dsn, clock) as team:
        w, server = team.w, team.server
        incident = await declare(w)
        await run_for(w, 30)
        before = len(server.posts)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.set_severity(tx, actor, incident.id, 0, "worse", w.now)
        await run_for(w, 10)

        summary = next(p for p in server.posts.values() if p.get("is_pinned"))
        assert "SEV0" in summary["message"]
        assert len(server.posts) <= before + 2


async def webhook(w: World, kind: ChatKind, receiver: Sink) -> Account:
    """Connect a webhook that leads to a sink."""
    connection = Connection(kind, "c1", "incidents", "webhook")
    secrets = AccountSecrets(webhooks={"c1": receiver.url})
    async with w.ctx.db.tx() as tx:
        account = await accounts.connect(tx, SYSTEM, connection, secrets, "", "UTC", w.now)
    return await configure(w, account, rules=(AnnouncementRule("c1", "incidents"),))


async def test_teams_gets_a_card_for_each_change_of_state_and_no_more(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, sink() as receiver:
        await webhook(w, ChatKind.TEAMS, receiver)
        incident = await declare(w)
        await run_for(w, 90, 5)
        await note(w, incident, "nothing that matters")
        await run_for(w, 90, 5)
        assert len(receiver.got) == 1
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.set_severity(tx, actor, incident.id, 0, "worse", w.now)
        await run_for(w, 90, 5)

        assert len(receiver.got) == 2
        card = receiver.got[1]["attachments"][0]
        assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert "SEV0" in str(card["content"]["body"])
        assert all(action["type"] == "Action.OpenUrl" for action in card["content"]["actions"])


async def test_discord_gets_one_message_that_mentions_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, sink() as receiver:
        receiver.body = b'{"id": "42"}'
        await webhook(w, ChatKind.DISCORD, receiver)
        incident = await declare(w, "@everyone Card payments fail")
        await run_for(w, 60, 5)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.set_severity(tx, actor, incident.id, 0, "worse", w.now)
        await run_for(w, 60, 5)

        first, *_, last = receiver.raw
        lines = [message["content"] for message in receiver.got]
        assert first != last
        assert all("@everyone" not in line for line in lines)
        assert all(message["allowed_mentions"] == {"parse": []} for message in receiver.got)
        async with w.ctx.db.tx() as tx:
            ids = await tx.fetch("select ts from chat_object where ts <> ''")
        assert [row["ts"] for row in ids] == ["42"]


async def test_google_chat_keeps_an_incident_in_one_thread(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, sink() as receiver:
        receiver.body = b'{"name": "spaces/1/messages/2"}'
        await webhook(w, ChatKind.GOOGLE_CHAT, receiver)
        incident = await declare(w)
        await run_for(w, 60, 5)
        await note(w, incident, "We roll back", kind="update")
        await run_for(w, 120, 5)

        threads = {message["thread"]["threadKey"] for message in receiver.got}
        assert threads == {f"inc-{incident.id}/ann-{int(incident.declared_at.timestamp())}"}
        assert any("We roll back" in message["text"] for message in receiver.got)


async def test_a_webhook_that_is_gone_breaks_only_its_account(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, sink() as receiver:
        receiver.status = 404
        account = await webhook(w, ChatKind.TEAMS, receiver)
        await declare(w)
        await run_for(w, 30, 5)
        async with w.ctx.db.tx() as tx:
            stored = await store.account(tx, account.id)

        assert stored
        assert stored.state == "broken"
        assert len(receiver.got) == 1
