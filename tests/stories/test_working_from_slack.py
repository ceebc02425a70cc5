"""An incident run from Slack: declared, updated, led, captured and closed; and who may not."""

import json
from datetime import timedelta
from typing import Any

from firebell.chat import store
from firebell.chat.model import AccountState, RoomState
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from firebell.people import actions as people
from tests.api.api_clients import TEST, sign_in
from tests.chat_inbound_world import ADA, GUEST, JUN, MARA, ChatWorld, chat_world
from tests.standins.slack.inbound import BOT, buttons, user


def chosen(value: str) -> dict[str, Any]:
    """Return the state of a selection."""
    return {"type": "static_select", "selected_option": {"value": value}}


def typed(text: str) -> dict[str, Any]:
    """Return the state of a text field."""
    return {"type": "plain_text_input", "value": text}


async def roles(c: ChatWorld, incident_id: int) -> dict[IncidentRole, list[int]]:
    """Return the holders of each role."""
    async with c.world.ctx.db.tx() as tx:
        assignments = (await incidents.roles(tx, [incident_id]))[incident_id]
    holders: dict[IncidentRole, list[int]] = {}
    for each in assignments:
        holders.setdefault(each.role, []).append(each.person_id)
    return holders


async def test_an_incident_is_declared_led_and_closed_by_commands(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        declared = await c.slack.command("/incident declare sev1 Card payments fail", MARA)
        assert "INC-1" in declared["text"]
        assert [b["url"] for b in buttons(declared)] == ["http://127.0.0.1:8080/incidents/INC-1"]
        page = await c.world.page()
        assert (page.severity, page.state) == (1, PageState.TRIGGERED)
        await c.room(1, "C1")
        await c.slack.command("/incident take ic", MARA, "C1")
        await c.slack.command(f"/incident give comms to <@{JUN}|jun>", MARA, "C1")
        # Jun was never seen: the chat does not know who this is yet
        assert IncidentRole.COMMS not in await roles(c, 1)
        await c.slack.command("/incident status", JUN, "C1")
        await c.slack.command(f"/incident give comms to <@{JUN}|jun>", MARA, "C1")
        assert await roles(c, 1) == {
            IncidentRole.COMMANDER: [c.world.mara],
            IncidentRole.COMMS: [c.world.jun],
        }
        await c.slack.command("/incident update We are rolling back &lt;build 4812&gt;", MARA, "C1")
        await c.slack.command("/incident finding The pool is exhausted", JUN, "C1")
        entries = [(e.kind, e.actor_id, e.text) for e in await c.timeline(1)]
        assert ("update", c.world.mara, "We are rolling back <build 4812>") in entries
        assert ("finding", c.world.jun, "The pool is exhausted") in entries
        refused = await c.slack.command("/incident resolve Restarted the pool", MARA, "C1")
        assert (await c.incident(1)).phase is Phase.DECLARED
        await c.slack.press_button(refused, "Record this as the mitigation", MARA)
        await c.slack.command("/incident resolve", MARA, "C1")
        assert (await c.incident(1)).phase is Phase.MONITORING
        refused = await c.slack.command("/incident close", MARA, "C1")
        assert (await c.incident(1)).phase is Phase.MONITORING
        assert [b["text"]["text"] for b in buttons(refused)] == ["Skip with a reason", "Open room"]


async def test_what_is_done_in_slack_says_so_in_the_audit_log(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.slack.command("/incident declare sev2 Card payments fail", MARA, "C7")
        async with c.world.ctx.db.tx() as tx:
            row = await tx.row("select * from audit where action = 'incident.declared'")
        assert row
        assert (row["actor_kind"], row["actor_id"]) == ("person", c.world.mara)
        assert {k: row["detail"][k] for k in ("via", "account", "user", "channel")} == {
            "via": "slack",
            "account": "T1",
            "user": MARA,
            "channel": "C7",
        }
        await sign_in(c.world, c.slack.http, c.world.mara)
        assert "in Slack" in (await c.slack.http.get("/settings/audit")).text


async def test_a_user_who_is_no_one_declares_and_reads_but_does_nothing_else(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        declared = await c.slack.command("/incident declare sev1 Card payments fail", ADA)
        assert "INC-1" in declared["text"]
        entry = (await c.timeline(1))[0]
        assert (entry.actor, entry.actor_id) == ("Ada L. (Slack, not linked)", None)
        assert "INC-1" in (await c.slack.command("/incident INC-1", ADA))["text"]
        assert "INC-1" in (await c.slack.command("/incident list", ADA))["text"]
        page = await c.world.page()
        for refused in (
            await c.slack.command("/incident INC-1 update no", ADA),
            await c.slack.command("/incident INC-1 sev3 no", ADA),
            await c.slack.command(f"/page ack {page.id}", ADA),
            await c.slack.press("fb_page_ack", json.dumps({"p": page.id, "v": 1}), ADA),
        ):
            assert [b["text"]["text"] for b in buttons(refused)] == ["Link my account"]
        assert (await c.world.page()).state is PageState.TRIGGERED
        assert (await c.incident(1)).severity == 1


async def test_a_guest_with_the_address_of_a_colleague_is_not_that_colleague(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        strangers: tuple[dict[str, Any], ...] = (
            {"is_restricted": True},
            {"is_ultra_restricted": True},
            {"is_stranger": True},
            {"is_bot": True},
            {"deleted": True},
            {"is_email_confirmed": False},
            {"team_id": "T2"},
        )
        for number, facts in enumerate(strangers):
            who = f"{GUEST}{number}"
            c.slack.users[who] = user(who, "Mara", "mara@example.org", **facts)
            refused = await c.slack.command("/incident update no", who, "C1")
            assert [b["text"]["text"] for b in buttons(refused)] == ["Link my account"]
        assert "update" not in [e.kind for e in await c.timeline(1)]


async def test_a_word_that_is_nearly_a_verb_is_offered_and_not_done(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        offered = await c.slack.command("/incident mitigaton Restarted the pool", MARA, "C1")
        assert "mitigation" not in [e.kind for e in await c.timeline(1)]
        (button, _help) = buttons(offered)
        await c.slack.press(button["action_id"], button["value"], MARA)
        assert ("mitigation", "Restarted the pool") in [(e.kind, e.text) for e in await c.timeline(1)]


async def test_a_form_shows_the_severity_of_its_answers_and_declares(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        assert await c.slack.command("/incident Card payments fail", MARA) == {}
        view = c.slack.called("views.open")[-1]["view"]
        ids = [block["block_id"] for block in view["blocks"]]
        assert ids == [
            "title",
            "down_or_data_at_risk",
            "verdict",
            "severity",
            "services",
            "type",
            "summary",
            "options",
        ]
        assert view["blocks"][0]["element"]["initial_value"] == "Card payments fail"
        values = {"title": typed("Card payments fail"), "down_or_data_at_risk": chosen("no")}
        view = await c.slack.answer_question(view, values, MARA)
        assert view["blocks"][2]["block_id"] == "major_degraded"
        values |= {"major_degraded": chosen("yes"), "workaround": chosen("yes")}
        view = await c.slack.answer_question(view, values, MARA)
        verdict = next(b for b in view["blocks"] if b["block_id"] == "verdict")
        assert verdict["text"]["text"].startswith("SEV1")
        wrong = await c.slack.submit(view, {**values, "title": typed(" ")}, MARA)
        assert list(wrong["errors"]) == ["title"]
        nothing = await c.slack.submit(view, {"title": typed("Card payments fail")}, MARA)
        assert list(nothing["errors"]) == ["down_or_data_at_risk"]
        values["options"] = {"selected_options": [{"value": "command", "text": {"text": "x"}}]}
        values["services"] = {
            "selected_options": [{"value": str(c.world.service), "text": {"text": "Checkout"}}]
        }
        done = await c.slack.submit(view, values, MARA)
        assert done["response_action"] == "update"
        incident = await c.incident(1)
        assert (incident.severity, incident.title) == (1, "Card payments fail")
        assert (await roles(c, 1))[IncidentRole.COMMANDER] == [c.world.mara]


async def test_a_form_that_opens_too_late_is_offered_again(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        c.slack._triggers.clear()
        body = c.slack.form("/incident", "", MARA)
        c.slack._triggers.clear()
        late = (await c.slack.post(body)).json()
        assert [b["text"]["text"] for b in buttons(late)] == ["Open again"]
        await c.slack.press_button(late, "Open again", MARA)
        assert c.slack.called("views.open")[-1]["view"]["callback_id"] == "fb_declare"


async def test_lowering_the_severity_asks_for_the_reason(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared(severity=1)
        await c.slack.command("/incident take ic", MARA, "C1")
        assert await c.slack.command("/incident sev2", MARA, "C1") == {}
        view = c.slack.called("views.open")[-1]["view"]
        values = {"severity": chosen("sev2"), "reason": typed("")}
        assert list((await c.slack.submit(view, values, MARA))["errors"]) == ["reason"]
        assert (await c.incident(1)).severity == 1
        await c.slack.submit(view, {**values, "reason": typed("Only one region")}, MARA)
        assert (await c.incident(1)).severity == 2


async def test_someone_is_paged_from_the_room_and_a_wrong_name_pages_no_one(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident status", JUN, "C1")
        for text in ("/page paymens Checkout is down", "/page akc 77", "/incident page is down"):
            wrong = await c.slack.command(text, MARA, "C1")
            assert wrong["text"].startswith("No one was paged.")
        assert await c.world.pages() == []
        await c.slack.command(f"/page <@{JUN}|jun> Disk full on db-3", MARA)
        page = await c.world.page()
        assert (page.plan.levels[0].targets[0].kind, page.plan.levels[0].targets[0].id) == (
            "person",
            c.world.jun,
        )
        await c.world.settle()
        assert c.world.sink.people() == ["Jun Okafor"]
        asked = await c.slack.command("/incident page payments Checkout is down", MARA, "C1")
        assert (await c.world.page()).id == page.id
        await c.slack.press_button(asked, "Page team Payments", MARA)
        paged = await c.world.page()
        assert [(t.kind, t.id) for t in paged.plan.levels[0].targets] == [("team", 1)]


async def test_a_pin_and_an_emoji_add_a_message_once_with_its_author_and_time(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        ts = f"{int(c.world.now.timestamp()) - 60}.000100"
        message = {"ts": ts, "user": ADA, "text": f"502s since <@{MARA}> &amp; build 4812"}
        c.slack.messages["C1", ts] = message
        item = {"type": "message", "channel": "C1", "ts": ts}
        await c.slack.event({"type": "reaction_added", "user": ADA, "reaction": "bulb", "item": item})
        await c.world.settle()
        # Ada is linked to no one, so her emoji captures nothing
        assert "finding" not in [e.kind for e in await c.timeline(1)]
        reaction = {"type": "reaction_added", "user": JUN, "reaction": "bulb::skin-tone-3", "item": item}
        await c.slack.event(reaction)
        await c.slack.event(reaction)
        await c.world.settle()
        (entry,) = [e for e in await c.timeline(1) if e.kind == "finding"]
        assert (entry.actor, entry.actor_id) == ("Ada L. (Slack, not linked)", None)
        assert entry.text == f"502s since @{MARA} & build 4812"
        assert (c.world.now - entry.effective_at).total_seconds() == 60 - 0.0001
        assert (entry.data["origin"]["channel"], entry.data["origin"]["ts"]) == ("C1", ts)
        pin = {**item, "message": message}
        await c.slack.event({"type": "pin_added", "user": JUN, "channel_id": "C1", "item": pin})
        await c.world.settle()
        entries = await c.timeline(1)
        assert [e.kind for e in entries if e.kind in ("finding", "note")] == ["finding"]
        (correction,) = [e for e in entries if e.kind == "correction"]
        assert (correction.data["corrects"], correction.data["new_kind"]) == (entry.id, "note")

        # a memo makes a task of it, once; the entry keeps its kind
        for who in (ADA, JUN, MARA):
            memo = {"type": "reaction_added", "user": who, "reaction": "memo", "item": item}
            await c.slack.event(memo)
        await c.world.settle()
        async with c.world.ctx.db.tx() as tx:
            tasks = await tx.fetch("select text from incident_task where not is_response")
        assert [task["text"] for task in tasks] == [f"502s since @{MARA} & build 4812"]
        assert len([e for e in await c.timeline(1) if e.kind == "correction"]) == 1


async def test_a_message_in_a_thread_is_captured_and_an_edit_and_a_deletion_keep_its_entry(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        ts = f"{int(c.world.now.timestamp())}.000200"
        c.slack.replies["C1", ts] = {"ts": ts, "user": MARA, "text": "Roll back"}
        item = {"type": "message", "channel": "C1", "ts": ts}
        await c.slack.event({"type": "reaction_added", "user": MARA, "reaction": "scales", "item": item})
        await c.world.settle()
        (entry,) = [e for e in await c.timeline(1) if e.kind == "decision"]
        assert (entry.text, entry.actor_id) == ("Roll back", c.world.mara)
        changed = {
            "type": "message",
            "subtype": "message_changed",
            "channel": "C1",
            "message": {"ts": ts, "user": MARA, "text": "Fail over"},
        }
        await c.slack.event(changed)
        await c.slack.event(changed)
        deleted = {"type": "message", "subtype": "message_deleted", "channel": "C1", "deleted_ts": ts}
        await c.slack.event(deleted)
        await c.world.settle()
        entries = await c.timeline(1)
        assert next(e for e in entries if e.id == entry.id).text == "Roll back"
        edit, deletion = [e for e in entries if e.kind == "correction"]
        assert (edit.data["old"], edit.data["new"]) == ("Roll back", "Fail over")
        assert deletion.data["deleted"] is True


async def test_an_emoji_taken_back_within_a_minute_strikes_the_entry_and_later_it_does_not(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        for number, seconds in enumerate((30, 90)):
            ts = f"{int(c.world.now.timestamp())}.00000{number}"
            c.slack.messages["C1", ts] = {"ts": ts, "user": JUN, "text": f"message {number}"}
            item = {"type": "message", "channel": "C1", "ts": ts}
            added = {"type": "reaction_added", "user": JUN, "reaction": "wrench", "item": item}
            await c.slack.event(added)
            await c.world.settle()
            clock.advance(timedelta(seconds=seconds))
            await c.slack.event({**added, "type": "reaction_removed"})
            await c.world.settle()
        struck = [e.text for e in await c.timeline(1) if e.data.get("struck")]
        assert struck == ["Withdrawn: message 0"]


async def test_slack_that_does_not_answer_delays_a_capture_and_loses_none(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.command("/incident status", JUN, "C1")
        ts = f"{int(c.world.now.timestamp())}.000300"
        c.slack.messages["C1", ts] = {"ts": ts, "user": JUN, "text": "The pool is exhausted"}
        item = {"type": "message", "channel": "C1", "ts": ts}
        c.slack.down = True
        await c.slack.event({"type": "reaction_added", "user": JUN, "reaction": "bulb", "item": item})
        await c.world.settle()
        c.slack.down = False
        await c.world.after(minutes=2)
        assert [e.text for e in await c.timeline(1) if e.kind == "finding"] == ["The pool is exhausted"]


async def test_a_mention_is_a_command_and_only_who_wrote_it_reads_the_answer(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        text = f"<@{BOT}> update 502s are gone"
        await c.slack.event(
            {"type": "app_mention", "user": JUN, "channel": "C1", "text": text, "thread_ts": "1.2"}
        )
        await c.slack.event(
            {"type": "app_mention", "user": JUN, "channel": "C1", "text": f"<@{BOT}> Catch me up"}
        )
        await c.world.settle()
        assert ("update", "502s are gone") in [(e.kind, e.text) for e in await c.timeline(1)]
        answer, summary = c.slack.called("chat.postEphemeral")
        assert (answer["channel"], answer["user"], answer["thread_ts"]) == ("C1", JUN, "1.2")
        assert "502s are gone" in summary["text"]


async def test_a_responder_who_joins_the_room_is_a_responder_of_the_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        for who in (MARA, MARA, ADA, BOT):
            await c.slack.event({"type": "member_joined_channel", "user": who, "channel": "C1"})
        await c.world.settle()
        assert await roles(c, 1) == {IncidentRole.RESPONDER: [c.world.mara]}


async def test_a_message_is_added_to_the_timeline_by_its_menu(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        ts = f"{int(c.world.now.timestamp())}.000400"
        message = {"ts": ts, "user": JUN, "text": "Roll back build 4812"}
        for channel, extra in (("C1", {}), ("C9", {"incident": chosen("1")})):
            body = c.slack.interaction(
                "message_action", JUN, callback_id="fb_timeline", channel={"id": channel}, message=message
            )
            assert (await c.slack.post(body)).status_code == 200
            view = c.slack.called("views.open")[-1]["view"]
            values = {"kind": chosen("decision"), "text": typed("Roll back build 4812"), **extra}
            assert (await c.slack.submit(view, values, JUN))["response_action"] == "update"
        decisions = [e for e in await c.timeline(1) if e.kind == "decision"]
        assert [e.data["origin"]["channel"] for e in decisions] == ["C1", "C9"]


async def test_a_room_that_people_archive_and_an_app_that_they_remove_are_known(
    dsn: str, clock: FakeClock
) -> None:
    async with chat_world(dsn, clock) as c:
        await c.declared()
        await c.slack.event({"type": "channel_rename", "channel": {"id": "C1", "name": "our-name"}})
        await c.slack.event({"type": "channel_archive", "channel": "C1", "user": MARA})
        await c.slack.event({"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}})
        await c.world.settle()
        async with c.world.ctx.db.tx() as tx:
            room = await store.room_by_channel(tx, c.account, "C1")
            account = await store.account(tx, c.account)
        assert room is not None
        assert (room.name, room.state) == ("our-name", RoomState.LOST)
        assert account is not None
        assert account.state is AccountState.OK
        await c.slack.event({"type": "app_uninstalled"})
        await c.world.settle()
        async with c.world.ctx.db.tx() as tx:
            account = await store.account(tx, c.account)
        assert account is not None
        assert account.state is AccountState.BROKEN


async def test_a_viewer_declares_but_changes_nothing(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as c:
        async with c.world.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, c.world.jun, role="viewer", now=c.world.now)
        await c.slack.command("/incident declare sev2 Card payments fail", JUN)
        refused = await c.slack.command("/incident INC-1 sev0", JUN)
        assert "Only" in refused["text"]
        assert ((await c.incident(1)).severity, (await c.incident(1)).declared_by) == (2, c.world.jun)
