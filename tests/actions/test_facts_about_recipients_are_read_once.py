"""The recipients of pages are read in as many statements for many teams as for one."""

from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.paging.actions import NO_POLICY
from firebell.paging.escalation.recipients import Recipients, hypothetical_page, load_recipients
from firebell.people import actions as people
from firebell.people.notification_rules.rule_times import usable
from tests.actions.test_pages_start_in_few_round_trips import statements
from tests.world import World, world

TEST = Actor("system", "Test")


async def _teams(tx: Tx, w: World, number: int) -> list[int]:
    """Create teams of both people, in alternating order, and return their ids."""
    ids = []
    for i in range(number):
        team = await people.create_team(tx, TEST, name=f"Team {i}", now=w.now)
        pair = [(w.mara, "manager"), (w.jun, "member")]
        await people.set_team_members(tx, TEST, team.id, pair[:: 1 if i % 2 else -1], w.now)
        ids.append(team.id)
    return ids


async def _read(tx: Tx, w: World, team_ids: list[int]) -> tuple[Recipients, int]:
    """Return the recipients of pages of these teams, and the number of statements that read them."""
    pages = [hypothetical_page(NO_POLICY, team_id, w.now) for team_id in team_ids]
    with statements(tx) as logged:
        recipients = await load_recipients(tx, pages, w.now)
    return recipients, len(logged)


async def test_pages_of_many_teams_take_as_many_statements_as_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, w.ctx.db.tx() as tx:
        team_ids = await _teams(tx, w, 8)
        _, of_one = await _read(tx, w, team_ids[:1])
        recipients, of_all = await _read(tx, w, team_ids)
        assert of_all == of_one
        assert recipients.members == {i: await people.team_members(tx, i) for i in team_ids}


async def test_both_urgencies_have_the_rules_that_each_has_alone(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, w.ctx.db.tx() as tx:
        for person_id, delays in ((w.mara, (0, 300)), (w.jun, (0, 600))):
            method = (await people.methods_of(tx, [person_id]))[-1]
            await people.set_rules(
                tx,
                TEST,
                person_id=person_id,
                urgency="low",
                rules=[(delay, method.id) for delay in delays],
                now=w.now,
            )
        recipients, _ = await _read(tx, w, await _teams(tx, w, 1))
        ids = [w.mara, w.jun]
        together = await people.rules_by_urgency(tx, ids)
        assert together == {u: await people.rules_of(tx, ids, u) for u in ("high", "low")}
        delays_s = {
            urgency: {i: [rule.delay_s for rule in own] for i, own in rules.items()}
            for urgency, rules in together.items()
        }
        assert delays_s == {
            "high": {w.mara: [0], w.jun: [0]},
            "low": {w.mara: [0, 300], w.jun: [0, 600]},
        }
        methods = await people.methods_of(tx, ids)
        for urgency, rules in together.items():
            for i in ids:
                paged = people.paged(method for method in methods if method.person_id == i)
                assert recipients.rules[urgency][i] == usable(rules[i], paged)
