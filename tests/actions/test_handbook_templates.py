"""An organization's own templates: set, reset, kept in a repository, and used for every message."""

import asyncio
from typing import Any

import pytest

from firebell.handbook import actions as handbook
from firebell.handbook.model import TemplateSource
from firebell.handoffs import actions as handoffs
from firebell.incidents import actions as incidents
from firebell.incidents.messages.queries import message, messages
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid, NotFound
from firebell.oncall.schedules import queries as oncall
from firebell.postmortems import actions as postmortems
from tests.actions.test_incidents import closed, declared, run
from tests.world import World, world

FILE = "### T\n\n`update-first` · n\n\n```markdown\n{{ref}} burns\n```\n"


async def audited(w: World) -> list[str]:
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch("select action from audit where action like 'template%' order by id")
    return [row["action"] for row in rows]


async def test_an_own_template_is_used_until_it_is_reset(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        shipped = await run(w, handbook.template, "update-first")
        assert (shipped.source, shipped.body) == (TemplateSource.SHIPPED, shipped.shipped.body)
        await run(w, handbook.set_template, mara, "update-first", "\r\n{{ref}}\r\nburns \n", w.now)
        own = await run(w, handbook.template, "update-first")
        assert (own.source, own.body, own.own.changed_by) == (
            TemplateSource.APP,
            "{{ref}}\nburns\n",
            "Mara Lindqvist",
        )
        await run(w, handbook.set_template, mara, "update-first", "{{ref}}\nburns", w.now)
        assert await audited(w) == ["template.changed"]
        await run(w, handbook.reset, mara, "update-first", w.now)
        await run(w, handbook.reset, mara, "update-first", w.now)
        assert (await run(w, handbook.template, "update-first")).own is None
        assert await audited(w) == ["template.changed", "template.reset"]


async def test_saving_the_default_text_stores_no_own_text(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        body = (await run(w, handbook.template, "update-first")).body
        await run(w, handbook.set_template, mara, "update-first", "{{ref}} burns", w.now)
        template = await run(w, handbook.set_template, mara, "update-first", f"\n{body}\n", w.now)
        assert template.source is TemplateSource.SHIPPED
        assert (await run(w, handbook.template, "update-first")).own is None


@pytest.mark.parametrize(
    ("body", "message"), [(" \n", "empty"), ("{{tilte}}", "{{tilte}}"), ("x" * 20_001, "at most 20,000")]
)
async def test_an_unusable_template_is_refused(dsn: str, clock: FakeClock, body: str, message: str) -> None:
    async with world(dsn, clock) as w:
        error = await run(w, handbook.set_template, await w.actor(w.mara), "update-first", body, w.now)
        assert isinstance(error, Invalid)
        assert message in error.fields["body"]
        unknown = await run(w, handbook.set_template, await w.actor(w.mara), "update-frist", "x", w.now)
        assert isinstance(unknown, NotFound)
        assert "update-first" in unknown.hint


async def apply(w: World, actor: Actor, files: dict[str, str], **more: bool) -> Any:
    """Apply files as the API does."""
    return await run(w, handbook.apply, actor, files, await handbook.read_files(files), w.now, **more)


async def test_a_repository_is_applied_whole_or_not_at_all(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await run(w, handbook.set_template, mara, "all-clear", "It is over.", w.now)
        bad = {"a.md": FILE, "b.md": "### T\n\n`nothing` · n\n\n```text\nx\n```\n"}
        error = await apply(w, mara, bad)
        assert list(error.fields) == ["b.md:3"]
        assert (await run(w, handbook.template, "update-first")).own is None

        planned = await apply(w, mara, {"a.md": FILE}, dry_run=True)
        assert [(c.id, c.step) for c in planned] == [("update-first", "created")]
        assert (await run(w, handbook.template, "update-first")).own is None
        await apply(w, mara, {"a.md": FILE})
        assert (await run(w, handbook.template, "update-first")).source is TemplateSource.GIT
        again = await apply(w, mara, {"a.md": FILE})
        assert [(c.id, c.step) for c in again] == [("update-first", "unchanged")]

        other = FILE.replace("update-first", "update-progress")
        moved = await apply(w, mara, {"a.md": other})
        assert {c.id: c.step for c in moved} == {"update-progress": "created", "update-first": "removed"}
        assert (await run(w, handbook.template, "all-clear")).body == "It is over.\n"
        pruned = await apply(w, mara, {"a.md": other}, prune=True)
        assert {c.id: c.step for c in pruned} == {"update-progress": "unchanged", "all-clear": "removed"}
        assert (await audited(w)).count("templates.applied") == 3


async def test_two_repositories_applied_at_once_leave_one_of_them_whole(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        one = {"a.md": FILE + FILE.replace("update-first", "update-progress")}
        two = {"a.md": FILE.replace("update-first", "all-clear")}
        await asyncio.gather(*[apply(w, mara, f) for f in (one, two) * 3])
        async with w.ctx.db.tx() as tx:
            kept = {n for n, t in (await handbook.all_templates(tx)).items() if t.own}
        assert kept in ({"update-first", "update-progress"}, {"all-clear"})


async def test_drafts_begin_with_the_organizations_template(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        await run(w, handbook.set_template, mara, "postmortem", "# Our way: {{title}}\n\n{{findings}}", w.now)
        await run(w, handbook.set_template, mara, "handoff", "# {{schedule}} goes on to {{entering}}", w.now)
        made = await closed(w)
        document = await run(w, postmortems.start, mara, made.id, w.now)
        assert document.body == (
            "# Our way: Card payments fail\n\n- effect: Card payments fail\n"
            "  - open: _No finding was recorded. What was found on the way?_\n"
        )
        async with w.ctx.db.tx() as tx:
            schedule = await oncall.by_slug(tx, "payments-primary")
            change = handoffs.next_change(schedule, w.now)
            assert change
            await handoffs.draft_change(tx, schedule, change, w.now)
            drafted = await handoffs.of_day(tx, schedule, change.day)
        assert drafted.body == "# Payments primary goes on to Jun Okafor\n"


async def test_messages_are_filled_for_the_phase_that_it_is_in(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, made = await w.actor(w.mara), await declared(w)
        drafts = await run(w, messages, made, "https://firebell.example.org", "UTC", w.now)
        assert drafts[0].template.id == "update-first"
        assert "Mara Lindqvist is in command" in drafts[0].text
        assert "comms" in drafts[0].missing
        assert "https://firebell.example.org/incidents/INC-1" in drafts[0].text
        assert len({m.template.id for m in drafts}) == len(drafts) == 24
        channel = next(m for m in drafts if m.template.id == "channel-name")
        assert channel.text == "incident-2026-11-24-card-payments-fail"
        assert channel.missing == []

        async with w.ctx.db.tx() as tx:
            await incidents.add_entry(tx, mara, made.id, "mitigation", "Rolled back", w.now)
            now = await incidents.set_phase(tx, mara, made.id, Phase.MONITORING, w.now)
        drafts = await run(w, messages, now, "https://x", "UTC", w.now)
        assert [m.template.id for m in drafts if m.fits] == ["update-mitigated", "status-monitoring"]
        assert isinstance(await run(w, message, now, "postmortem", "https://x", "UTC", w.now), NotFound)
