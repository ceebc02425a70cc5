"""Forms and commands of Slack: tasks, roles that are released, private incidents, duplicates, and manual pages."""

from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Visibility
from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.chat_inbound_world import ADA, JUN, MARA, ChatWorld, chat_world
from tests.standins.slack.inbound import buttons
from tests.stories.test_working_from_slack import chosen, roles, typed


async def tasks(c: ChatWorld) -> list[dict[str, Any]]:
    """Return the rows of all tasks."""
    async with c.world.ctx.db.tx() as tx:
        return [dict(row) for row in await tx.fetch("select * from incident_task order by id")]


async def test_a_task_is_added_assigned_done_and_moved_from_slack(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident status", JUN, "C1")
        added = await c.slack.command(f"/incident task <@{JUN}|jun> Restart the pool due 2h", MARA, "C1")
        (task,) = await tasks(c)
        assert (task["text"], task["owner_id"], task["due_at"]) == (
            "Restart the pool",
            c.world.jun,
            c.world.now + timedelta(hours=2),
        )
        assert ("task", c.world.mara) in [(e.kind, e.actor_id) for e in await c.timeline(1)]
        await c.slack.press_button(added, "Mark done", JUN)
        assert (await tasks(c))[0]["state"] == "done"
        assert await c.slack.command("/incident task", MARA, "C1") == {}
        view = c.slack.called("views.open")[-1]["view"]
        due = int((c.world.now + timedelta(days=1)).timestamp())
        values = {
            "text": typed("Call the bank"),
            "user": {"selected_user": MARA},
            "due": {"selected_date_time": due},
            "options": {"selected_options": []},
        }
        assert list((await c.slack.submit(view, {**values, "text": typed(" ")}, MARA))["errors"]) == ["text"]
        await c.slack.submit(view, values, MARA)
        task = (await tasks(c))[1]
        assert (task["owner_id"], task["due_at"].timestamp(), task["is_required"]) == (
            c.world.mara,
            due,
            False,
        )
        number = task["id"]
        await c.slack.command(f"/incident task assign {number} <@{JUN}|jun>", MARA, "C1")
        await c.slack.command(f"/incident task move #{number}", MARA, "C1")
        task = (await tasks(c))[1]
        assert (task["owner_id"], task["state"]) == (c.world.jun, "follow_up")
        listed = await c.slack.command("/incident tasks", MARA, "C1")
        assert f"#{number} Call the bank, Jun Okafor, follow-up" in listed["text"]
        body = c.slack.interaction(
            "message_action",
            JUN,
            callback_id="fb_task",
            channel={"id": "C1"},
            message={"ts": "1.2", "user": JUN, "text": "Rotate the\nkeys"},
        )
        await c.slack.post(body)
        view = c.slack.called("views.open")[-1]["view"]
        assert view["blocks"][0]["element"]["initial_value"] == "Rotate the keys"
        refused = await c.slack.command("/incident task Restart the pool", ADA, "C1")
        assert [b["text"]["text"] for b in buttons(refused)] == ["Link my account"]
        assert len(await tasks(c)) == 2


async def test_a_role_is_released_by_its_holder_alone(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident take ic", MARA, "C1")
        await c.slack.command("/incident drop ic", JUN, "C1")
        assert await roles(c, 1) == {IncidentRole.COMMANDER: [c.world.mara]}
        await c.slack.command("/incident role", MARA, "C1")
        view = c.slack.called("views.open")[-1]["view"]
        released = {
            "role": chosen("commander"),
            "release": {"selected_options": [{"value": "release", "text": {"text": "x"}}]},
        }
        both = {**released, "user": {"selected_user": JUN}}
        assert list((await c.slack.submit(view, both, MARA))["errors"]) == ["user"]
        await c.slack.submit(view, released, MARA)
        assert await roles(c, 1) == {}


async def test_a_private_incident_from_slack_does_not_exist_for_anyone_else(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        assert await c.slack.command("/incident private Customer data leaked to a bucket", JUN) == {}
        view = c.slack.called("views.open")[-1]["view"]
        values = {
            "title": typed("Customer data leaked to a bucket"),
            "severity": chosen("sev2"),
            "type": chosen("data_protection"),
            "options": {"selected_options": [{"value": "private", "text": {"text": "x"}}]},
        }
        assert next(b for b in view["blocks"] if b["block_id"] == "type")["element"]["initial_option"][
            "value"
        ] == ("security")
        await c.slack.submit(view, values, JUN)
        async with c.world.ctx.db.tx() as tx:
            incident = await incidents.incident(tx, 1)
        assert (incident.visibility, incident.type, incident.declared_by) == (
            Visibility.PRIVATE,
            "data_protection",
            c.world.jun,
        )
        for command in ("INC-1 status", "INC-1 summary", "join INC-1", "INC-1 task x", "INC-1 page @x"):
            shown = await c.slack.command(f"/incident {command}", ADA)
            assert "leaked" not in str(shown)
        assert "No such incident" in (await c.slack.command("/incident INC-1 status", ADA))["text"]
        assert "INC-1" in (await c.slack.command("/incident INC-1 status", JUN))["text"]
        # what Ada is about to declare is not compared with what she may not see
        await c.slack.command("/incident Customer data leaked to a bucket", ADA)
        view = c.slack.called("views.open")[-1]["view"]
        assert [b for b in view["blocks"] if b.get("block_id", "").startswith("similar")] == []


async def test_an_open_incident_that_matches_is_offered_while_declaring(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared(title="Card payments fail in the EU")
        await c.slack.command("/incident Card payments fail", MARA)
        view = c.slack.called("views.open")[-1]["view"]
        (similar,) = [b for b in view["blocks"] if b.get("block_id", "").startswith("similar")]
        values = {"title": typed("Search is slow"), "down_or_data_at_risk": chosen("no")}
        view = await c.slack.answer_question(view, values, MARA)
        assert [b for b in view["blocks"] if b.get("block_id", "").startswith("similar")] == []
        button = similar["accessory"]
        body = c.slack.interaction(
            "block_actions",
            MARA,
            view={**view, "id": "V1", "hash": "h2"},
            actions=[{"action_id": button["action_id"], "value": button["value"]}],
        )
        await c.slack.post(body)
        assert await roles(c, 1) == {IncidentRole.RESPONDER: [c.world.mara]}
        assert "INC-1" in str(c.slack.called("views.update")[-1]["view"])
        declared = await c.slack.command("/incident declare sev2 Card payments fail again", MARA)
        labels = [b["text"]["text"] for b in buttons(declared)]
        assert labels == ["Open room", "Join INC-1 instead"]
        assert (await c.incident(2)).title == "Card payments fail again"


async def test_a_sixth_page_in_ten_minutes_is_started_only_when_confirmed(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.slack.command("/page", MARA)
        view = c.slack.called("views.open")[-1]["view"]
        offered = await c.slack.post(
            c.slack.interaction("block_suggestion", MARA, action_id="target", value="pay")
        )
        values = [option["value"] for option in offered.json()["options"]]
        assert "team:payments" in values
        for number in range(5):
            picked = {"target": chosen("team:payments"), "text": typed(f"Checkout is down {number}")}
            assert (await c.slack.submit(view, picked, MARA))["response_action"] == "update"
        asked = await c.slack.command("/page team:payments Checkout is still down", MARA)
        assert len(await c.world.pages()) == 5
        (again,) = buttons(asked)
        await c.slack.press(again["action_id"], again["value"], MARA)
        assert len(await c.world.pages()) == 6
        nobody = await c.slack.command(f"/page <@{ADA}|ada> Help", JUN)
        assert len(await c.world.pages()) == 6
        assert "not linked" in nobody["text"]


async def test_who_joins_the_room_is_caught_up_once_in_a_message_for_them_alone(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident take ic", MARA, "C1")
        await c.slack.command("/incident task Recycle the pool", MARA, "C1")
        joined = {"type": "member_joined_channel", "channel": "C1"}
        for who in (JUN, JUN, ADA):
            await c.slack.event({**joined, "user": who})
        await c.world.settle()
        caught_up = c.slack.called("chat.postEphemeral")
        assert [(each["channel"], each["user"]) for each in caught_up] == [("C1", JUN), ("C1", ADA)]
        assert "Recycle the pool" in caught_up[0]["text"]
        assert [b["text"]["text"] for b in buttons(caught_up[0])] == ["Be comms lead", "Open room"]
        assert [b["text"]["text"] for b in buttons(caught_up[1])] == ["Open room", "Link my account"]
        await c.world.after(minutes=31)
        await c.slack.event({**joined, "user": JUN})
        await c.world.settle()
        assert len(c.slack.called("chat.postEphemeral")) == 3


async def test_the_home_page_shows_what_waits_for_me_and_acts(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.slack.command("/incident status", MARA)
        await c.slack.command(f"/page <@{MARA}|mara> Disk full on db-3", JUN)
        await c.slack.event({"type": "app_home_opened", "user": MARA, "tab": "home"})
        await c.slack.event({"type": "app_home_opened", "user": ADA, "tab": "home"})
        await c.slack.event({"type": "app_home_opened", "user": ADA, "tab": "messages"})
        await c.world.settle()
        mine, unlinked = c.slack.called("views.publish")
        assert (mine["user_id"], unlinked["user_id"]) == (MARA, ADA)
        labels = [e["text"]["text"] for b in unlinked["view"]["blocks"] for e in b.get("elements", [])]
        assert labels == ["Declare incident", "Link my account"]
        (ack,) = [
            b["accessory"]
            for b in mine["view"]["blocks"]
            if b.get("accessory", {}).get("text", {}).get("text") == "Acknowledge"
        ]
        shown = {**mine["view"], "id": "V9", "hash": "h"}
        press = {"action_id": ack["action_id"], "value": ack["value"]}
        await c.slack.post(c.slack.interaction("block_actions", MARA, view=shown, actions=[press]))
        assert (await c.world.page()).state is PageState.ACKED
        painted = c.slack.called("views.publish")[-1]
        assert (painted["user_id"], painted["view"]["type"]) == (MARA, "home")
        declare = mine["view"]["blocks"][0]["elements"][0]
        press = {"action_id": declare["action_id"], "value": declare["value"]}
        await c.slack.post(c.slack.interaction("block_actions", MARA, view=shown, actions=[press]))
        assert c.slack.called("views.open")[-1]["view"]["callback_id"] == "fb_declare"
