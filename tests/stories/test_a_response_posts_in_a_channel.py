"""A step of the escalation matrix posts in a channel of a chat: once, kept up to date, never about what is private."""

from dataclasses import replace

from firebell.chat.model import AnnouncementRule
from firebell.incidents.model import IncidentType
from firebell.kit.clock import FakeClock
from firebell.response import document, queries, settings_actions
from firebell.response.model import How, MatrixStep
from tests.chat_world import chat_world, configure, declare, run_for
from tests.standins.slack.workspace import Channel
from tests.world import World


async def respond_by_post(w: World, who: str) -> None:
    """Let a SEV1 do nothing by its matrix but post in a channel at once."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        in_force, _ = await queries.settings(tx)
        one = replace(in_force.severities[1], matrix=(MatrixStep(0, "support", How.POST, who),))
        changed = document.with_severity(in_force, 1, one)
        await settings_actions.replace_settings(tx, mara, changed, w.now)


def posts(channel: Channel) -> list[str]:
    """Return the messages of a channel that steps asked for, oldest first."""
    keyed = [(m["metadata"]["event_payload"]["key"], str(m["blocks"])) for m in channel.messages]
    return [text for key, text in keyed if "/post-" in key]


async def entries(w: World, incident_id: int) -> list[str]:
    """Return what the response wrote into the timeline."""
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch(
            "select text from timeline_entry where incident_id = $1 and kind = 'response' order by id",
            incident_id,
        )
    return [row["text"] for row in rows]


async def test_support_reads_of_an_incident_in_its_own_channel(dsn: str, clock: FakeClock) -> None:
    async with chat_world(dsn, clock) as (w, space, account):
        support = space.add_channel("support")
        # the rule announces nothing: the channel has only what the matrix posts
        rule = AnnouncementRule(support.id, "support", incidents=False, pages=False)
        await configure(w, account, rules=(rule,), room_severities=())
        await respond_by_post(w, f"channel:{account.id}/{support.id}")
        incident = await declare(w)
        await run_for(w, 5)
        (post,) = posts(support)
        assert "Escalation matrix: Support" in post
        assert f"/incidents/{incident.ref}" in post
        assert await entries(w, incident.id) == ["Posted in #support: Support."]

        await w.after(minutes=2)
        async with w.ctx.db.tx() as tx:
            document_outside = document.to_document(
                (await queries.settings(tx))[0], (await queries.target_names(tx)).outside
            )
        assert document_outside["severities"]["SEV1"]["matrix"][0]["who"] == "channel:slack/support"
        assert len(posts(support)) == 1, "it is edited, never posted again"

        secret = await declare(w, "Keys leaked", incident_type=IncidentType.SECURITY)
        await run_for(w, 5)
        assert len(posts(support)) == 1
        assert len(await entries(w, secret.id)) == 1

        await configure(w, account, rules=())
        third = await declare(w, "Login fails")
        await run_for(w, 5)
        assert len(posts(support)) == 1
        (text,) = await entries(w, third.id)
        assert "is not a channel of a connected chat" in text
