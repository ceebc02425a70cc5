"""A drill pages no one unless it is told to and says DRILL everywhere; what is recorded afterwards pages no one."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in


async def test_a_drill_shows_whom_it_would_page_and_pages_no_one(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        body = {"title": "Practice", "severity": "SEV1", "services": ["checkout"], "drill": True}
        drill = await api("POST", "/incidents", body, status=201)
        inc = f"/incidents/{drill['ref']}"
        await w.after(minutes=20)
        await api("POST", f"{inc}/severity", {"severity": "SEV0"})
        await w.settle()
        assert (await w.pages(), w.sink.got) == ([], [])
        await sign_in(w, http, w.mara)
        room = (await http.get(inc)).text
        planned = room.partition('id="response"')[2].partition("</section>")[0]
        assert 'data-planned="page"' in planned
        assert "Mara Lindqvist" in planned

        page = {"target": {"kind": "person", "id": w.jun}, "text": "Join us", "incident": drill["ref"]}
        await api("POST", "/pages", page, status=201)
        assert (await w.page()).title.startswith("DRILL ")
        await w.settle()
        assert [(m["person"], m["title"][:6]) for m in w.sink.got] == [("Jun Okafor", "DRILL ")]
        declaration = {**body, "title": "Practice of paging", "page_in_drill": True}
        await api("POST", "/incidents", declaration, status=201)
        await w.settle()
        assert w.sink.got[-1]["person"] == "Mara Lindqvist"
        assert w.sink.got[-1]["title"].startswith("DRILL ")


async def test_an_incident_of_the_past_pages_no_one_and_is_not_reopened(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        times = [(clock.now() - timedelta(hours=h)).isoformat() for h in (4, 3, 2, 1)]
        names = ("detected_at", "declared_at", "resolved_at", "closed_at")
        body = {"title": "Cards failed", "severity": "SEV0", "services": ["checkout"]}
        past = await api(
            "POST", "/past-incidents", {**body, **dict(zip(names, times, strict=True))}, status=201
        )
        await w.after(hours=2)
        refused = await api("POST", f"/incidents/{past['ref']}/phase", {"phase": "investigating"}, status=409)
        assert refused["status"] == 409
        assert (await w.pages(), w.sink.got) == ([], [])
