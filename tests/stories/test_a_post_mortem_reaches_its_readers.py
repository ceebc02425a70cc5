"""Story: a published post-mortem is sent to its list once, and one that is undone reaches no one."""

from datetime import time

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType, Phase
from firebell.kit import undo
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.findings import FindingLevel
from firebell.people import actions as people
from firebell.people.model import QuietHours
from firebell.postmortems import actions as postmortems
from firebell.postmortems.checks import queries as checks
from firebell.postmortems.publication import distribution_settings, mail_store
from tests.api.api_clients import browser, sign_in
from tests.postmortem_steps import PUBLISHABLE, agreed, approved
from tests.stories.test_an_incident_gets_its_response import person
from tests.world import World, world

PM = "/post-mortems/INC-1"


async def closed(w: World) -> None:
    """Declare and close INC-1 with Mara as commander, and draft its post-mortem."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.declare(tx, mara, title="Cards fail", severity=1, commander_id=w.mara, now=w.now)
        await tx.execute("update incident set phase = 'closed', closed_at = $1", w.now)
        await postmortems.start(tx, SYSTEM, 1, w.now)


def told(w: World) -> int:
    """Return how many messages about the published document arrived."""
    return sum(got["event"] == "postmortem_published" for got in w.sink.got)


async def mail_states(w: World) -> dict[str, int]:
    async with w.ctx.db.tx() as tx:
        version = (await postmortems.of_incident(tx, 1)).published_version
        return await mail_store.states(tx, 1, version or 0)


async def test_its_list_gets_it_once_and_an_undone_one_reaches_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await closed(w)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await approved(tx, w, 1)
            members = [f"person:{w.jun}", "everyone", "board@example.org"]
            await postmortems.set_distribution(tx, mara, 1, members, w.now)
            await postmortems.publish(tx, mara, 1, w.now)
            entry = await undo.find(tx, w.ctx.signer, mara, undo.LATEST, ["postmortem.published"], w.now)
            await postmortems.unpublish(tx, mara, entry, w.now)
        await w.after(minutes=2)
        assert (told(w), await mail_states(w)) == (0, {})
        async with w.ctx.db.tx() as tx:
            document = await postmortems.of_incident(tx, 1)
            assert (document.stage, document.published_version) == ("draft", None)
            await approved(tx, w, 1, f"{PUBLISHABLE}\nAgain.\n")
            await postmortems.publish(tx, mara, 1, w.now)
        await w.settle()
        assert told(w) == 0
        await w.after(minutes=2)
        assert (told(w), await mail_states(w)) == (2, {"failed": 1})  # there is no mail server here
        await w.after(hours=30)
        assert told(w) == 2


async def test_a_publication_that_is_undone_twice_leaves_nothing_published(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await closed(w)
        mara = await w.actor(w.mara)
        for _ in range(2):
            async with w.ctx.db.tx() as tx:
                await approved(tx, w, 1, f"{PUBLISHABLE}\nAt {w.now:%H:%M}.\n")
                await postmortems.publish(tx, mara, 1, w.now)
            async with w.ctx.db.tx() as tx:
                entry = await undo.find(tx, w.ctx.signer, mara, undo.LATEST, ["postmortem.published"], w.now)
                await postmortems.unpublish(tx, mara, entry, w.now)
            await w.after(minutes=2)
            async with w.ctx.db.tx() as tx:
                document = await postmortems.of_incident(tx, 1)
                incident = await incidents.incident(tx, 1)
            assert (document.stage, document.published_version) == ("draft", None)
            assert document.first_published_at is None
            assert incident.phase is Phase.CLOSED


async def test_undoing_a_publication_makes_no_one_a_writer_who_may_not_approve(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await closed(w)
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            # with three people, no writer may approve
            await people.create_person(
                *(tx, SYSTEM), name="Noor", email="noor@example.com", role="responder", tz="UTC", now=w.now
            )
            text = f"{PUBLISHABLE}\n{{{{timeline}}}}\n"
            await postmortems.save(tx, mara, 1, text, 1, w.now)
            await agreed(tx, w, 1, w.jun)
            await postmortems.publish(tx, jun, 1, w.now)
            entry = await undo.find(tx, w.ctx.signer, jun, undo.LATEST, ["postmortem.published"], w.now)
            await postmortems.unpublish(tx, jun, entry, w.now)
            version = (await postmortems.of_incident(tx, 1)).version
            await postmortems.save(tx, mara, 1, f"{text}\nCorrected.\n", version, w.now)
            await agreed(tx, w, 1, w.jun)
            assert (await postmortems.of_incident(tx, 1)).stage == "approved"


async def test_a_writer_who_approves_in_a_small_team_leaves_a_finding(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await closed(w)
        jun = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            await postmortems.save(tx, jun, 1, f"{PUBLISHABLE}\nBy Jun.\n", 1, w.now)
            await approved(tx, w, 1)
            await postmortems.publish(tx, jun, 1, w.now)
            incident = await incidents.incident(tx, 1)
            findings = (await checks.load_findings(tx, [incident], {}, w.now))[1]
        assert [(f.code, f.level) for f in findings] == [("P-APPROVAL", FindingLevel.WARNING)]


async def test_it_is_reviewed_published_and_read_on_its_pages(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as mara, browser(w) as jun:
        await closed(w)
        csrf, other = await sign_in(w, mara, w.mara), await sign_in(w, jun, w.jun)
        settings = {"csrf": csrf, "name_0": "Everyone", "members_0": "everyone", "default_1": "everyone"}
        assert (
            await mara.post("/settings/post-mortems", data={**settings, "domains": "a b"})
        ).status_code == 422
        rows = {"slug_1": "old", "name_1": "", "members_1": "everyone", "name_2": "Größe & Co"}
        assert (await mara.post("/settings/post-mortems", data={**settings, **rows})).status_code == 303
        async with w.ctx.db.tx() as tx:
            kept = (await distribution_settings.load(tx)).lists
        assert [(each.slug, each.name) for each in kept] == [
            ("everyone", "Everyone"),
            ("grosse-co", "Größe & Co"),
        ]
        assert (await mara.post("/settings/post-mortems", data=settings)).status_code == 303
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await postmortems.save(tx, actor, 1, f"{PUBLISHABLE}\n{{{{timeline}}}}\n", 1, w.now)

        async def post(path: str, status: int = 303, **fields: str) -> None:
            answer = await mara.post(f"{PM}/{path}", data={"csrf": csrf, **fields})
            assert answer.status_code == status, answer.text[:2000]

        await post("review", reviewer=str(w.jun))
        page = (await jun.get(f"{PM}/publication")).text
        assert f'action="{PM}/approve"' in page
        await post("approve", 422, version="2")
        answer = await jun.post(f"{PM}/approve", data={"csrf": other, "version": "2"})
        assert answer.status_code == 303
        await post("external", 422, needed="no")
        await post("external", needed="yes")
        page = (await mara.get(f"{PM}/external")).text
        assert 'name="text"' in page
        await post("external/text", text="Ask Mara Lindqvist", version="1")
        assert 'data-leak="name"' in (await mara.get(f"{PM}/external")).text
        await post("external/text", 409, text="Mine", version="1")
        await post("external", needed="no", reason="It was internal")
        await post("distribution", 422, members="nonsense")
        await post("distribution", list="list:everyone")
        assert f'action="{PM}/publish"' in (await mara.get(f"{PM}/publication")).text
        await post("publish")
        page = (await jun.get(PM)).text
        for part in ('class="whys"', 'class="panel can"', f"{PM}/export/html", "Sent to"):
            assert part in page
        exported = await jun.get(f"{PM}/export/html?names=roles")
        assert exported.headers["content-type"].startswith("text/html")
        assert (await jun.get(f"{PM}/export/docx")).status_code in (404, 422)
        await post("withdraw", reason="Wrong cause")
        assert "wants it withdrawn" in (await jun.get(f"{PM}/publication")).text


async def test_bug_a_waiting_message_revealed_a_document_that_had_become_private(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await closed(w)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await approved(tx, w, 1)
            await postmortems.set_distribution(tx, mara, 1, ["everyone"], w.now)
            await postmortems.publish(tx, mara, 1, w.now)
        kim = await person(w, "Kim Ito")
        async with w.ctx.db.tx() as tx:
            hours = QuietHours(time(0), time(9), "UTC")
            await people.set_quiet_hours(tx, SYSTEM, kim, hours, w.now)
        await w.after(minutes=2)
        assert told(w) == 2
        async with w.ctx.db.tx() as tx:
            await incidents.set_type(tx, mara, 1, IncidentType.SECURITY, w.now, private=True)
        await w.after(hours=7)
        [message] = [got for got in w.sink.got if got["person"] == "Kim Ito"]
        assert message["event"] == "postmortem_published"
        assert "INC-1" not in str(message)
        assert "Cards fail" not in str(message)


async def test_bug_a_waiting_reminder_named_an_incident_that_had_become_private(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await closed(w)
        mara, kim = await w.actor(w.mara), await person(w, "Kim Ito")
        async with w.ctx.db.tx() as tx:
            await people.set_quiet_hours(tx, SYSTEM, kim, QuietHours(time(0), time(9), "UTC"), w.now)
            await postmortems.assign_author(tx, mara, 1, kim, w.now)
        await w.settle()
        assert [got for got in w.sink.got if got["event"] == "postmortem"] == []
        async with w.ctx.db.tx() as tx:
            await incidents.set_type(tx, mara, 1, IncidentType.SECURITY, w.now, private=True)
        await w.after(hours=7)
        [message] = [got for got in w.sink.got if got["person"] == "Kim Ito"]
        assert message["event"] == "postmortem"
        assert "INC-1" not in str(message)
        assert "Cards fail" not in str(message)
