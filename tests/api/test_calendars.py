"""Feeds and calendars at the edges: the public address, the API, the pages."""

import re
from datetime import timedelta

import httpx
import icalendar

from firebell.kit.clock import FakeClock
from firebell.oncall.calendars.feed_limits import MAX_READS_PER_FEED, MAX_UNKNOWN_TOKENS_PER_ADDRESS, WINDOW
from firebell.oncall.schedules import actions as oncall
from firebell.oncall.schedules import queries
from firebell.oncall.schedules import store as schedules
from firebell.people import actions as people
from firebell.people.model import SCOPES
from tests.api.api_clients import TEST, Api, browser, key_of, organization
from tests.oncall_world import daily
from tests.world import World

ROTA = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261124T000000Z\r\nDTEND:20261125T000000Z\r\n"
    "SUMMARY:Jun Okafor\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def path(url: str) -> str:
    """Return the address without its host."""
    assert url.startswith("http://127.0.0.1:8080/calendar/")
    return url.removeprefix("http://127.0.0.1:8080")


async def override(w: World, api: Api) -> None:
    """Put Jun on call for an hour."""
    body = {"person": str(w.jun), "start": "2026-11-24T05:00:00Z", "end": "2026-11-24T06:00:00Z"}
    await api("POST", "/schedules/payments-primary/overrides", body, status=201)


async def test_a_feed_from_its_making_to_its_end(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as stranger:
        made = await api(
            "POST", "/calendar-feeds", {"kind": "schedule", "schedule": "payments-primary"}, status=201
        )
        address = path(made["url"])
        first = await stranger.get(address)
        assert first.status_code == 200
        assert first.headers["content-type"] == "text/calendar; charset=utf-8"
        events = icalendar.Calendar.from_ical(first.content).walk("VEVENT")
        assert str(events[0]["SUMMARY"]).endswith(": Payments primary")
        assert {"Jun Okafor", "Mara Lindqvist"} == {str(e["SUMMARY"]).partition(":")[0] for e in events}

        tag = first.headers["etag"]
        same = await stranger.get(address, headers={"If-None-Match": f'"other", {tag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        for weak in (f"W/{tag}", "*"):
            assert (await stranger.get(address, headers={"If-None-Match": weak})).status_code == 304
        assert (await stranger.get(address, headers={"If-None-Match": '"other"'})).status_code == 200
        head = await stranger.head(address)
        assert (head.status_code, head.headers["etag"]) == (200, tag)
        assert head.headers["content-length"] == first.headers["content-length"]
        assert (await stranger.head(address, headers={"If-None-Match": tag})).status_code == 304
        await override(w, api)
        later = await stranger.get(address, headers={"If-None-Match": tag})
        assert later.status_code == 200
        again = icalendar.Calendar.from_ical(later.content).walk("VEVENT")
        assert {e["SEQUENCE"] for e in again} == {2}
        assert len(again) == len(events) + 2
        assert {str(e["UID"]) for e in events} <= {str(e["UID"]) for e in again}

        listed = await api("GET", "/calendar-feeds")
        assert [(f["id"], f["name"], f["last_used_at"]) for f in listed] == [
            (made["id"], "Payments primary", "2026-11-24T03:14:00Z")
        ]
        assert "url" not in listed[0]
        other = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert await other("GET", "/calendar-feeds") == []
        await other("DELETE", f"/calendar-feeds/{made['id']}", status=404)
        await api("DELETE", f"/calendar-feeds/{made['id']}")
        await api("DELETE", f"/calendar-feeds/{made['id']}", status=404)
        assert (await stranger.get(address)).status_code == 410
        assert (await stranger.head(address)).status_code == 410
        assert (await stranger.get("/calendar/never.ics")).status_code == 404


async def test_a_feed_of_mine_and_of_a_team_and_of_someone_who_left(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as stranger:
        mine = await api("POST", "/calendar-feeds", {}, status=201)
        team = await api("POST", "/calendar-feeds", {"kind": "team", "team_id": 1}, status=201)
        calendar = icalendar.Calendar.from_ical((await stranger.get(path(mine["url"]))).content)
        assert {str(e["SUMMARY"]) for e in calendar.walk("VEVENT")} == {
            "On call: Payments primary",
            "On call: Payments secondary",
        }
        everyone = icalendar.Calendar.from_ical((await stranger.get(path(team["url"]))).content)
        assert len(everyone.walk("VEVENT")) == 2 * len(calendar.walk("VEVENT"))
        await api("POST", "/calendar-feeds", {"kind": "team", "team_id": 77}, status=404)
        await api("POST", "/calendar-feeds", {"kind": "team"}, status=404)
        await api("POST", "/calendar-feeds", {"kind": "schedule", "schedule": "x"}, status=404)
        await api("POST", "/calendar-feeds", {"kind": "planet"}, status=422)

        theirs = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        juns = await theirs("POST", "/calendar-feeds", {}, status=201)
        assert (await stranger.get(path(juns["url"]))).status_code == 200
        async with w.ctx.db.tx() as tx:
            await tx.execute("update person set active = false where id = $1", w.jun)
        gone = await stranger.get(path(juns["url"]))
        assert (gone.status_code, "This calendar has ended." in gone.text) == (410, True)


async def test_a_feed_of_a_deleted_schedule_has_ended_and_is_not_listed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as stranger:
        payload = {"kind": "schedule", "schedule": "payments-secondary"}
        made = await api("POST", "/calendar-feeds", payload, status=201)
        team = await api("POST", "/calendar-feeds", {"kind": "team", "team_id": 1}, status=201)
        assert (await stranger.get(path(made["url"]))).status_code == 200
        both = icalendar.Calendar.from_ical((await stranger.get(path(team["url"]))).content).walk("VEVENT")
        async with w.ctx.db.tx() as tx:
            secondary = (await queries.by_slug(tx, "payments-secondary")).id
            await schedules.archive(tx, int(secondary), w.now)
        assert (await stranger.get(path(made["url"]))).status_code == 410
        one = icalendar.Calendar.from_ical((await stranger.get(path(team["url"]))).content).walk("VEVENT")
        assert len(one) < len(both)
        assert [f["id"] for f in await api("GET", "/calendar-feeds")] == [team["id"]]
        async with w.ctx.db.tx() as tx:
            await tx.execute("update calendar_feed set subject_id = 99 where id = $1", team["id"])
        assert (await stranger.get(path(team["url"]))).status_code == 410, "its team is gone"


async def test_a_schedule_that_cannot_be_read_ends_no_feed_but_its_own(dsn: str, clock: FakeClock) -> None:
    """Each request for a feed read years of every schedule of the organization."""
    async with organization(dsn, clock) as (w, api), browser(w) as stranger:
        body = {"kind": "schedule", "schedule": "payments-primary"}
        feeds = [await api("POST", "/calendar-feeds", body, status=201)]
        feeds.append(await api("POST", "/calendar-feeds", {"kind": "team", "team_id": 1}, status=201))
        feeds.append(await api("POST", "/calendar-feeds", {}, status=201))
        async with w.ctx.db.tx() as tx:
            team = await people.create_team(tx, TEST, name="Others", members=[(w.jun, "member")], now=w.now)
            made = await oncall.create_schedule(
                tx, TEST, name="Broken", team_id=team.id, tz="UTC", layers=[daily(w.jun)], now=w.now
            )
            await tx.execute("update layer set windows = '[{}]' where schedule_id = $1", int(made.id))
        assert [(await stranger.get(path(f["url"]))).status_code for f in feeds] == [200] * 3


async def test_a_feed_that_is_read_too_often_gets_retry_after(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w, "203.0.113.9") as office:
        url = path((await api("POST", "/calendar-feeds", {}, status=201))["url"])
        tag = (await office.get(url)).headers["etag"]
        same = {"If-None-Match": tag}
        # twice the time over which reads are counted
        for _ in range(2 * int(WINDOW / timedelta(minutes=1))):
            clock.advance(timedelta(minutes=1))
            for _ in range(20):
                assert (await office.head(url, headers=same)).status_code in (200, 304), "twenty apps poll it"
        clock.advance(WINDOW)
        for _ in range(MAX_READS_PER_FEED):
            assert (await office.get(url, headers=same)).status_code in (200, 304)
        refused = await office.get(url, headers=same)
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "300")
        other = path((await api("POST", "/calendar-feeds", {}, status=201))["url"])
        assert (await office.get(other)).status_code == 200
        clock.advance(timedelta(seconds=300))
        assert (await office.get(url)).status_code == 200


async def test_guessed_feed_addresses_are_refused_without_locking_anyone_out(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w, "203.0.113.10") as office:
        made = await api("POST", "/calendar-feeds", {}, status=201)
        url, late = path(made["url"]), path((await api("POST", "/calendar-feeds", {}, status=201))["url"])
        revoked = await api("POST", "/calendar-feeds", {}, status=201)
        await api("DELETE", f"/calendar-feeds/{revoked['id']}")
        assert (await office.get(url)).status_code == 200
        for _ in range(2 * MAX_UNKNOWN_TOKENS_PER_ADDRESS):
            assert (await office.get(path(revoked["url"]))).status_code == 410, "an app that keeps polling"
        for number in range(MAX_UNKNOWN_TOKENS_PER_ADDRESS):
            assert (await office.get(f"/calendar/guess{number}.ics")).status_code == 404
        refused = await office.get("/calendar/guess.ics")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "300")
        assert (await office.get(url)).status_code == 200
        assert (await office.get(late)).status_code == 429, "it may still be a guess"
        async with browser(w, "203.0.113.11") as elsewhere:
            assert (await elsewhere.get(late)).status_code == 200
        assert (await office.get(late)).status_code == 200


async def test_calendars_of_a_schedule_and_of_mine(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        base = "/schedules/payments-primary/calendars"
        pasted = await api("POST", base, {"text": ROTA, "name": "old rota"}, status=201)
        assert (pasted["source"], pasted["good_at"]) == ("text", None)
        await w.settle()
        assert (await api("GET", base))[0]["good_at"] == "2026-11-24T03:14:00Z"
        on_call = (await api("GET", "/oncall"))["schedules"][0]["people"]
        assert [p["id"] for p in on_call] == [w.jun]
        assert await api("GET", "/schedules/payments-primary/overrides", which="all") == []
        assert (await api("GET", "/schedules/payments-primary"))["edits"] == []

        days = await api("POST", base, {"use": "names", "country": "DE", "subdivision": "be"}, status=201)
        assert days["name"] == "Public holidays DE BE"
        await w.settle()
        named = await api(
            "GET", "/schedules/payments-primary/holidays?from=2026-12-20T00:00:00Z&to=2026-12-25T20:00:00Z"
        )
        assert [(h["start"], h["people"]) for h in named] == [("2026-12-24T23:00:00Z", [])]

        busy = await api("POST", "/me/calendars", {"text": ROTA.replace("202611", "202612")}, status=201)
        await w.settle()
        assert [c["schedule"] for c in await api("GET", "/oncall/conflicts")] == ["payments-primary"]
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await jun("DELETE", f"/calendars/{busy['id']}", status=404)
        assert await jun("GET", "/me/calendars") == []
        await jun("POST", f"/calendars/{pasted['id']}/fetch", status=204)
        for one in (pasted, days, busy):
            await api("DELETE", f"/calendars/{one['id']}", status=204)
        await api("DELETE", f"/calendars/{busy['id']}", status=404)
        assert await api("GET", base) == []

        for wrong, field in (
            ({}, "url"),
            ({"url": "https://x.example.org", "text": ROTA}, "url"),
            ({"url": "ftp://x.example.org/a.ics"}, "url"),
            ({"url": "http://u:p@x.example.org/a.ics"}, "url"),
            ({"country": "Atlantis"}, "country"),
            ({"country": "DE", "subdivision": "XX"}, "subdivision"),
            ({"country": "DE"}, "people"),
            ({"country": "DE", "people": [999]}, "people"),
            ({"country": "DE", "use": "override", "people": [w.jun]}, "use"),
            ({"use": "names", "text": ROTA}, "use"),
            ({"use": "busy", "text": ROTA}, "use"),
            ({"use": "override", "place": "below", "text": ROTA}, "place"),
            ({"use": "names", "place": "below", "country": "DE"}, "place"),
            ({"place": "beside", "text": ROTA}, "place"),
        ):
            problem = await api("POST", base, wrong, status=422)
            assert problem["errors"][0]["field"] == field, (wrong, problem)
        webcal = await api("POST", base, {"url": "webcal://calendar.example.org/a.ics"}, status=201)
        assert (webcal["host"], webcal["name"]) == ("calendar.example.org", "calendar.example.org")


async def test_the_pages_make_revoke_add_and_remove(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        shown = (await http.get("/settings/calendars")).text
        csrf = {"csrf": shown.partition('name="csrf" value="')[2].partition('"')[0]}
        made = await http.post("/settings/calendars/feeds", data={**csrf, "of": f"person:{w.mara}"})
        assert "http://127.0.0.1:8080/calendar/" in made.text
        wrong = await http.post("/settings/calendars/feeds", data={**csrf, "of": f"person:{w.jun}"})
        assert (wrong.status_code, "feed of your own shifts" in wrong.text) == (422, True)
        assert (await http.post("/settings/calendars/feeds/1/revoke", data=csrf)).status_code == 303
        assert "feeds/1/revoke" not in (await http.get("/settings/calendars")).text

        here = "/oncall/payments-primary/calendars"
        bad = await http.post(here, data={**csrf, "use": "layer", "url": "nonsense"})
        assert (bad.status_code, "is not a web address" in bad.text) == (422, True)
        text = ROTA.replace("Jun Okafor", "Alice & <b>Bob</b>")
        assert (await http.post(here, data={**csrf, "use": "layer", "text": text})).status_code == 303
        added = await http.post(here, data={**csrf, "country": "DE", "person": str(w.jun)})
        assert added.status_code == 303
        await w.settle()
        page = (await http.get(here)).text
        assert "Alice &amp; &lt;b&gt;Bob&lt;/b&gt;” doesn’t match anyone here" in page
        assert "Public holidays DE" in page
        busy = {**csrf, "url": "https://calendar.example.org/me.ics"}
        assert (await http.post("/settings/calendars/busy", data=busy)).status_code == 303
        assert "calendar.example.org" in (await http.get("/settings/calendars")).text
        assert "Public holidays DE" in (await http.get("/oncall/calendars")).text
        gone = await http.post("/oncall/calendars/1/remove", data={**csrf, "back": here})
        assert (gone.status_code, gone.headers["location"]) == (303, here)
        await http.get(here)  # the message of the removal names it
        assert "Pasted calendar" not in (await http.get(here)).text


async def test_a_calendar_is_sent_as_a_file(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        here = "/oncall/payments-primary/calendars"
        shown = (await http.get(here)).text
        form = {"csrf": shown.partition('name="csrf" value="')[2].partition('"')[0], "use": "layer"}

        async def send(file: str, body: bytes, **more: str) -> httpx.Response:
            return await http.post(here, data={**form, **more}, files={"file": (file, body, "text/calendar")})

        good = ROTA.encode()
        for name, body, message in (
            ("notes.ics", b"Dear all,", "notes.ics is not a calendar."),
            ("utf16.ics", ROTA.encode("utf-16"), "that starts with BEGIN:VCALENDAR"),
            ("year.ics", good + b" " * (3 * 1024 * 1024), "year.ics is too large."),
        ):
            wrong = await send(name, body, name="the old rota")
            assert (wrong.status_code, message in wrong.text) == (422, True), name
            assert 'value="the old rota"' in wrong.text
        both = await send("rota.ics", good, url="https://calendar.example.org/rota.ics")
        assert (both.status_code, "Enter a file, an address or a text." in both.text) == (422, True)
        huge = await send("huge.ics", good + b" " * (5 * 1024 * 1024))
        assert huge.status_code == 413
        assert (await send("team rota.ics", b"\xef\xbb\xbf" + good)).status_code == 303
        # a browser sends the field of no file as one without a name
        empty = await http.post(here, data={**form, "text": ROTA}, files={"file": ("", b"", "")})
        assert empty.status_code == 303
        await w.settle()
        page = (await http.get(here)).text
        assert "team rota" in page
        assert "Pasted calendar" in page
        assert page.count('data-state="ok">up to date') == 2


async def test_the_settings_say_which_of_them_is_open(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        for address, label in (("/settings/calendars", "Calendars"), ("/settings/keys", "API keys")):
            assert f'<a href="{address}" aria-current="page">{label}</a>' in (await http.get(address)).text


async def test_a_viewer_changes_no_schedule_through_their_settings(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        added = await api("POST", "/schedules/payments-primary/calendars", {"text": ROTA}, status=201)
        async with w.ctx.db.tx() as tx:
            await people.create_person(
                tx,
                TEST,
                name="Vi",
                email="vi@example.org",
                role="viewer",
                tz="UTC",
                password_hash=await people.hash_secret("a quiet night please"),
                now=w.now,
            )
        await http.post("/login", data={"email": "vi@example.org", "password": "a quiet night please"})
        shown = (await http.get("/settings/calendars")).text
        csrf = {"csrf": shown.partition('name="csrf" value="')[2].partition('"')[0]}
        for verb in ("remove", "fetch"):
            done = await http.post(f"/settings/calendars/{added['id']}/{verb}", data=csrf)
            assert done.status_code == 404
            done = await http.post(f"/oncall/calendars/{added['id']}/{verb}", data=csrf)
            assert done.status_code == 403
        assert len(await api("GET", "/schedules/payments-primary/calendars")) == 1
        reader = api.with_key(await key_of(w.ctx.db, clock, w.jun, [s for s in SCOPES if s == "oncall:read"]))
        await reader("POST", "/calendar-feeds", {}, status=403)


async def test_a_shift_of_a_calendar_is_not_offered_for_removal(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await api("POST", "/schedules/payments-primary/calendars", {"text": ROTA, "name": "Rota"}, status=201)
        await w.settle()
        assert await api("GET", "/schedules/payments-primary/overrides") == []
        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        page = (await http.get("/oncall/payments-primary")).text
        assert "Rota" in page
        assert "/oncall/payments-primary/edits/" not in page


async def test_an_imported_layer_is_put_below_the_rotations_and_above_again(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        base = "/schedules/payments-primary/calendars"
        added = await api("POST", base, {"text": ROTA, "name": "the old rota"}, status=201)
        assert added["place"] == "above"
        await w.settle()

        async def on_call() -> list[int]:
            return [p["id"] for p in (await api("GET", "/oncall"))["schedules"][0]["people"]]

        async def rows() -> list[tuple[str, str]]:
            page = (await http.get("/oncall/payments-primary")).text
            return re.findall(r'<div class="lb">([^<]*)(?:<small>([^<]*))?', page)[:3]

        assert await on_call() == [w.jun]
        moved = await api("PATCH", f"/calendars/{added['id']}", {"place": "below"})
        assert (moved["place"], await on_call()) == ("below", [w.mara])
        await api("PATCH", f"/calendars/{added['id']}", {"place": "beside"}, status=422)
        await api("PATCH", "/calendars/77", {"place": "below"}, status=404)
        mine = await api("POST", "/me/calendars", {"text": ROTA}, status=201)
        problem = await api("PATCH", f"/calendars/{mine['id']}", {"place": "below"}, status=422)
        assert problem["errors"][0]["field"] == "place"
        reader = api.with_key(await key_of(w.ctx.db, clock, w.jun, [s for s in SCOPES if s == "oncall:read"]))
        await reader("PATCH", f"/calendars/{added['id']}", {"place": "above"}, status=403)

        await http.post("/login", data={"email": "mara@example.org", "password": "a quiet night please"})
        here = "/oncall/payments-primary/calendars"
        shown = (await http.get(here)).text
        csrf = {"csrf": shown.partition('name="csrf" value="')[2].partition('"')[0], "back": here}
        assert "layer below the rotations" in shown
        assert [name for name, _ in await rows()] == ["On call", "Rotation", "the old rota"]
        assert (await rows())[2][1] == "calendar, below"
        change = f"/oncall/calendars/{added['id']}/place"
        assert (await http.post(change, data={**csrf, "place": "above"})).headers["location"] == here
        assert await on_call() == [w.jun]
        assert [name for name, _ in await rows()] == ["On call", "the old rota", "Rotation"]
        assert (await http.post(change, data={**csrf, "place": "beside"})).status_code == 422
        assert (await http.post(here, data={**csrf, "use": "below", "text": ROTA})).status_code == 303
        days = {**csrf, "country": "DE", "person": str(w.jun), "place": "below"}
        assert (await http.post(here, data=days)).status_code == 303
        assert [i["place"] for i in await api("GET", base)] == ["above", "below", "below"]
        await api("POST", base, {"text": ROTA, "use": "override", "name": "on top"}, status=201)
        await api("POST", base, {"use": "names", "country": "DE", "name": "days alone"}, status=201)
        await w.settle()
        await http.get(here)  # the messages of what was just saved name calendars too
        shown = (await http.get(here)).text
        order = ["on top", "the old rota", "This schedule’s rotations", "Public holidays DE"]
        order += ["Pasted calendar", "days alone", "Upcoming public holidays"]
        assert sorted(order, key=shown.index) == order
        assert shown.count("Second Day of Christmas") == 1, "a day that two calendars name is one"
        assert re.search(r"Fri 25 Dec 2026</span><span>\s*Jun Okafor", shown)
        async with w.ctx.db.tx() as tx:
            audited = await tx.fetch(
                "select detail from audit where action = 'calendar.import_placed' order by id"
            )
        assert [r["detail"]["place"] for r in audited] == ["below", "above"]
