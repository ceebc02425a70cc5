"""Story: after an old backup is restored, no old button, form or code in a chat or text acts on another page.

New pages and incidents get the numbers that were given after the backup.
"""

from datetime import timedelta
from typing import Any

import pytest

from firebell.chat.model import AnnouncementRule, ChatKind
from firebell.incidents import actions as incidents
from firebell.incidents.closing import final_facts_actions
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from firebell.kit.db import org_settings
from firebell.paging.model import PageState
from tests.chat_inbound_world import MARA, chat_world
from tests.chat_world import configure, declare, run_for
from tests.mattermost_world import MattermostTeam, mattermost_team
from tests.phone_world import phones
from tests.stories.test_other_chats import webhook
from tests.stories.test_working_from_mattermost import linked
from tests.world import World, sink, world

PAGES = "p" * 26
TOO_OLD = "You can no longer answer this message. Open Firebell."


async def restore(w: World) -> None:
    """Delete the pages and incidents since a backup, with their numbers and codes."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            truncate page, delivery, due, alert, alert_group, incident, reply_code, chat_object
            restart identity cascade
            """
        )
    w.clock.advance(timedelta(minutes=10))


async def test_an_old_answer_in_slack_acknowledges_no_new_page(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        w = c.world
        await w.alert("disk full")
        await w.settle()
        old = await c.slack.command("/page list", MARA)
        await restore(w)
        await w.alert("The database is down")
        await w.settle()
        new = await c.slack.command("/page list", MARA)
        assert (await c.slack.press_button(old, "Acknowledge PG-1", MARA))["text"] == TOO_OLD
        assert (await w.page()).state is PageState.TRIGGERED
        await c.slack.press_button(new, "Acknowledge PG-1", MARA)
        assert (await w.page()).state is PageState.ACKED


async def test_an_old_form_in_slack_writes_to_no_new_incident(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        text = {"text": {"type": "plain_text_input", "value": "We roll back"}}

        async def opened() -> dict[str, Any]:
            await c.declared()
            await c.slack.command("/incident INC-1 update", MARA)
            view: dict[str, Any] = c.slack.called("views.open")[-1]["view"]
            return view

        old = await opened()
        await restore(c.world)
        new = await opened()
        refused = await c.slack.submit(old, text, MARA)
        assert refused["errors"] == {"text": TOO_OLD}
        assert "We roll back" not in [entry.text for entry in await c.timeline(1)]
        await c.slack.submit(new, text, MARA)
        assert "We roll back" in [entry.text for entry in await c.timeline(1)]


async def test_a_home_page_in_slack_still_works_after_the_detection_was_corrected(
    dsn: str, clock: FakeClock
) -> None:
    """It is the same incident; only its detection time has changed."""
    async with chat_world(dsn, clock) as c:
        w = c.world
        await w.alert("disk full")
        await w.settle()
        page = await w.page()
        w.clock.advance(timedelta(minutes=20))
        incident = await declare(w, page_id=page.id)
        assert incident.detected_at == page.triggered_at
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.take_role(tx, mara, incident.id, IncidentRole.COMMANDER, w.mara, w.now)
        await c.slack.event({"type": "app_home_opened", "user": MARA, "tab": "home", "channel": "D1"})
        await w.settle()
        shown = c.slack.called("views.publish")[-1]["view"]
        [button] = [
            block["accessory"]
            for block in shown["blocks"]
            if block.get("accessory", {}).get("text", {}).get("text") == "Catch up"
        ]
        times = {"detected_at": w.now - timedelta(minutes=5)}
        async with w.ctx.db.tx() as tx:
            await final_facts_actions.record_final_facts(tx, mara, incident.id, {}, times, w.now)
        answer = await c.slack.press(button["action_id"], button["value"], MARA)
        assert TOO_OLD not in str(answer)
        assert "INC-1" in str(answer)


async def test_an_old_home_page_in_slack_resolves_no_new_page(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        w = c.world

        async def acknowledge_button() -> dict[str, Any]:
            await c.slack.event({"type": "app_home_opened", "user": MARA, "tab": "home", "channel": "D1"})
            await w.settle()
            shown = c.slack.called("views.publish")[-1]["view"]
            [button] = [
                block["accessory"]
                for block in shown["blocks"]
                if block.get("accessory", {}).get("text", {}).get("text") == "Acknowledge"
            ]
            return dict(button)

        await w.alert("disk full")
        await w.settle()
        old = await acknowledge_button()
        await restore(w)
        await w.alert("The database is down")
        await w.settle()
        new = await acknowledge_button()
        await c.slack.press(old["action_id"], old["value"], MARA)
        assert (await w.page()).state is PageState.TRIGGERED
        await c.slack.press(new["action_id"], new["value"], MARA)
        assert (await w.page()).state is PageState.ACKED


async def shown_page(team: MattermostTeam, title: str) -> list[dict[str, Any]]:
    """Return the buttons of the newest message about a page."""
    await team.w.alert(title)
    await run_for(team.w, 10)
    message = [post for post in team.server.posts.values() if post["channel_id"] == PAGES][-1]
    attachments: list[dict[str, Any]] = message["props"]["attachments"]
    return attachments


@pytest.mark.parametrize(
    ("label", "is_asked", "state"),
    [
        ("Acknowledge", False, PageState.ACKED),
        ("Snooze 30 min", False, PageState.SNOOZED),
        ("Escalate", True, PageState.TRIGGERED),
        ("Declare incident", True, PageState.TRIGGERED),
    ],
)
async def test_an_old_button_in_mattermost_changes_no_new_page(
    dsn: str, clock: FakeClock, label: str, is_asked: bool, state: PageState
) -> None:
    async with mattermost_team(dsn, clock) as team:
        w, server = team.w, team.server
        mara = await linked(team, "mara", w.mara)
        await configure(w, team.account, room_severities=(), rules=(AnnouncementRule(PAGES, pages=True),))
        server.channels[PAGES] = {"id": PAGES, "name": "payments", "delete_at": 0}

        async def press(attachments: list[dict[str, Any]]) -> str:
            """Press the button, answer its form, and return what the person then reads."""
            answer = (await team.press(attachments, label, mara)).json()
            if not is_asked:
                return str(answer.get("ephemeral_text", ""))
            assert answer == {}
            submitted = await team.submit(mara, title="Search is slow", severity="sev3")
            return str(submitted.json().get("error", ""))

        async def changes() -> tuple[PageState, int, int]:
            page = await w.page()
            async with w.ctx.db.tx() as tx:
                return page.state, page.version, await tx.value("select count(*) from incident")

        old = await shown_page(team, "disk full")
        await restore(w)
        new = await shown_page(team, "The database is down")
        before = await changes()
        assert (await w.page()).id == 1
        assert await press(old) == TOO_OLD
        assert await changes() == before
        assert await press(new) != TOO_OLD
        after = await changes()
        assert after != before
        assert after[0] is state


async def test_a_new_page_or_incident_is_not_in_the_thread_of_a_lost_one_in_google_chat(
    dsn: str, clock: FakeClock
) -> None:
    """People find it far up among old messages, or have muted that thread."""
    async with world(dsn, clock) as w, sink() as receiver:
        receiver.body = b'{"name": "spaces/1/messages/2"}'
        account = await webhook(w, ChatKind.GOOGLE_CHAT, receiver)
        await configure(w, account, rules=(AnnouncementRule("c1", pages=True),))

        async def threads(title: str) -> set[str]:
            """Return the threads of the messages about a page and an incident."""
            earlier = len(receiver.got)
            await w.alert(title)
            await w.settle()
            await declare(w, title)
            await run_for(w, 70, 5)
            return {message["thread"]["threadKey"] for message in receiver.got[earlier:]}

        lost = await threads("disk full")
        assert {thread.rpartition("-")[0] for thread in lost} >= {"pg-1", "inc-1/ann"}
        await restore(w)
        new = await threads("The database is down")
        assert {thread.rpartition("-")[0] for thread in new} >= {"pg-1", "inc-1/ann"}
        assert new.isdisjoint(lost)


async def test_the_code_of_a_lost_text_message_acknowledges_no_new_page(dsn: str, clock: FakeClock) -> None:
    async with phones(dsn, clock) as p:
        w = p.w
        await p.rules(w.mara, (0, await p.add(w.mara, "sms", "0151 23456789")))
        async with w.ctx.db.tx() as tx:
            # what a backup has
            await org_settings.put(tx, "database_clock", {"at": w.now.isoformat()})
        await w.alert("disk full")
        await w.settle()
        assert "Reply 1a ack" in p.last.text
        await restore(w)
        await w.alert("The database is down")
        await w.settle()
        assert "Reply 1a ack" not in p.last.text
        assert await p.reply("1a", "SM1") == "There is no page with the code 1. Reply ? for your open pages."
        assert (await w.page()).state is PageState.TRIGGERED
        code = p.last.text.partition("Reply ")[2].partition(" ")[0]
        assert await p.reply(code, "SM2") == "You acknowledged PG-1."
