"""Schedules, covers, swaps and time off over JSON, in the order in which a team would need them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from firebell.kit.clock import FakeClock
from firebell.oncall.schedules import store
from tests.api.api_clients import Api, key_of, organization

MONDAY = "2026-11-23T09:00"


def layer(*people: int, **more: Any) -> dict[str, Any]:
    """Return a daily layer of these people."""
    return {"slots": [[p] for p in people], "anchor": MONDAY, "unit": "day", "tz": "UTC", **more}


async def daily(api: Api, *people: int) -> dict[str, Any]:
    """Create the schedule "daily"."""
    payload = {"name": "Daily", "team_id": 1, "tz": "UTC", "layers": [layer(*people, name="Turns")]}
    made: dict[str, Any] = await api("POST", "/schedules", payload, status=201)
    return made


async def ada(api: Api) -> int:
    """Add a third person."""
    payload = {"name": "Ada Byron", "email": "ada@example.org", "tz": "UTC"}
    return int((await api("POST", "/people", payload, status=201))["id"])


async def test_quiet_hours_default_to_my_time_zone(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        assert await api("GET", "/me/quiet-hours") == {"hours": None}
        mine = {"starts": "22:00", "ends": "07:00", "tz": "Europe/Stockholm"}
        assert await api("PUT", "/me/quiet-hours", {"starts": "22:00", "ends": "07:00"}) == {"hours": mine}
        assert await api("GET", "/me/quiet-hours") == {"hours": mine}
        wrong = await api("PUT", "/me/quiet-hours", {"starts": "7:00", "ends": "07:00"}, status=422)
        assert [e["field"] for e in wrong["errors"]] == ["starts"]
        await api("DELETE", "/me/quiet-hours", status=204)
        assert await api("GET", "/me/quiet-hours") == {"hours": None}
        entries = [(entry["action"], entry["detail"]) for entry in await api("GET", "/audit")]
        assert entries[:2] == [("quiet.cleared", {}), ("quiet.set", mine)]


async def test_an_override_is_previewed_and_changes_nothing(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        made = await daily(api, w.mara, w.jun)
        hole = {"nobody": True, "start": "2026-11-25T10:00:00Z", "end": "2026-11-25T12:00:00Z"}
        preview = await api("POST", "/schedules/daily/overrides/preview", hole)
        assert preview["new_gaps"] == [{"start": hole["start"], "end": hole["end"]}]
        assert [f["code"] for f in preview["new_findings"]] == ["S-GAP"]
        assert await api("GET", "/schedules/daily") == made
        wrong = await api("POST", "/schedules/daily/overrides/preview", {**hole, "nobody": False}, status=422)
        assert wrong["detail"] == "The override names no one."
        assert wrong["errors"][0]["field"] == "person"


async def test_a_finding_named_by_a_zone_is_mended_over_json(dsn: str, clock: FakeClock) -> None:
    """The slash in a time zone's name was taken for a part of the address."""
    async with organization(dsn, clock) as (w, api):
        slots = [[w.mara], [w.jun]]
        zoned = {"slots": slots, "anchor": MONDAY, "unit": "week", "tz": "Europe/Stockholm"}
        payload = {"name": "Weekly", "team_id": 1, "tz": "UTC", "layers": [zoned]}
        made = await api("POST", "/schedules", payload, status=201)
        async with w.ctx.db.tx() as tx:
            (here,) = (await store.clocks(tx, [made["id"]]))[made["id"]].values()
            winter = replace(here, offsets=here.offsets[:1])
            await store.set_clocks(tx, made["id"], {"Europe/Stockholm": winter})
        findings = await api("GET", "/schedules/weekly/findings")
        (wrong,) = [f for f in findings if f["code"] == "S-TZCHANGE"]
        await api("POST", f"/schedules/weekly/findings/{quote(wrong['id'], safe='')}/fix")
        assert wrong not in await api("GET", "/schedules/weekly/findings")


async def test_layers_change_from_an_instant_on_after_a_preview(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        made, third = await daily(api, w.mara, w.jun), await ada(api)
        old = made["layers"][0]
        new = {k: v for k, v in old.items() if k not in ("start", "end")} | {
            "slots": [[w.mara], [w.jun], [third]],
            "anchor": MONDAY,
        }
        body = {"layers": [new], "at": "2026-11-25T12:00:00Z", "version": made["version"]}
        preview = await api("POST", "/schedules/daily/preview", body)
        assert preview["changes"][0] == {
            "start": "2026-11-27T09:00:00Z",
            "end": "2026-11-28T09:00:00Z",
            "before": [{"id": w.mara, "name": "Mara Lindqvist"}],
            "after": [{"id": third, "name": "Ada Byron"}],
        }
        assert {h["person"]["id"]: h["hours"] > 0 for h in preview["hours"]} == {
            w.mara: False,
            w.jun: False,
            third: True,
        }
        assert preview["new_gaps"] == []
        assert [f["code"] for f in preview["new_findings"]] == ["S-UNREACHABLE"]
        assert await api("GET", "/schedules/daily") == made

        changed = await api("PUT", "/schedules/daily/layers", body)
        assert [(x["end"], len(x["slots"])) for x in changed["layers"]] == [
            ("2026-11-25T12:00:00Z", 2),
            (None, 3),
        ]
        stale = await api("PUT", "/schedules/daily/layers", body, status=409)
        assert "changed since" in stale["detail"]
        past = {**body, "at": "2026-11-20T12:00:00Z", "version": None}
        await api("PUT", "/schedules/daily/layers", past, status=422)

        span = "from=2026-11-24T09:00:00Z&to=2026-11-28T09:00:00Z"
        runs = await api("GET", f"/schedules/daily/shifts?{span}")
        assert [s["people"][0]["id"] for s in runs["shifts"]] == [w.jun, w.mara, w.jun, third]


async def test_someone_joins_and_leaves_and_shadows(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        made, third = await daily(api, w.mara, w.jun), await ada(api)
        body = {"person": "ada@example.org", "layer_id": made["layers"][0]["id"], "place": 1}
        joined = await api("POST", "/schedules/daily/join", body)
        assert joined["layers"][-1]["slots"] == [[w.mara], [third], [w.jun]]
        now = await api("GET", "/oncall", at="2026-11-24T03:14:00Z")
        on = [s for s in now["schedules"] if s["schedule"] == "daily"]
        assert on[0]["people"][0]["id"] == w.mara
        left = await api("POST", "/schedules/daily/leave", {"person": str(third)})
        assert left["layers"][-1]["slots"] == [[w.mara], [w.jun]]
        await api("POST", "/schedules/daily/leave", {"person": "nobody@example.org"}, status=422)

        shadow = {"person": "ada@example.org", "of": "jun@example.org", "start": "2026-11-24T00:00:00Z"}
        learns = await api("POST", "/schedules/daily/shadows", shadow, status=201)
        assert (await api("GET", "/schedules/daily"))["shadows"] == [learns]
        await api("DELETE", f"/schedules/daily/shadows/{learns['id']}")
        await api("DELETE", f"/schedules/daily/shadows/{learns['id']}", status=404)


async def test_a_schedule_is_renamed_and_deleted_unless_it_is_needed(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        renamed = await api("PATCH", "/schedules/daily", {"name": "Nightly", "tz": "Asia/Tokyo"})
        assert (renamed["slug"], renamed["name"], renamed["tz"]) == ("daily", "Nightly", "Asia/Tokyo")
        await api("PATCH", "/schedules/daily", {"name": "Payments primary"}, status=409)
        needed = await api("DELETE", "/schedules/payments-primary", status=409)
        assert needed["detail"] == "Payments primary is used by Payments."
        await api("DELETE", "/schedules/daily", status=204)
        await api("DELETE", "/schedules/daily", status=404)


async def test_bug_an_override_that_contradicts_itself_was_accepted(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        span = {"start": "2026-11-24T10:00:00Z", "end": "2026-11-24T12:00:00Z"}
        jun, mara = "jun@example.org", str(w.mara)
        for payload, field in (
            ({"person": jun, "nobody": True}, "nobody"),
            ({"kind": "remove", "nobody": True}, "nobody"),
            ({"kind": "map", "people": [jun, mara], "instead_of": mara}, "people"),
            ({"kind": "map", "person": jun, "instead_of": str(w.jun)}, "instead_of"),
        ):
            refused = await api("POST", "/schedules/daily/overrides", {**span, **payload}, status=422)
            assert [e["field"] for e in refused["errors"]] == [field], refused
        assert await api("GET", "/schedules/daily/overrides") == []


async def test_every_kind_of_override(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        third = await ada(api)
        span = {"start": "2026-11-24T10:00:00Z", "end": "2026-11-24T12:00:00Z"}

        async def after(**fields: Any) -> list[int]:
            made = await api("POST", "/schedules/daily/overrides", {**span, **fields}, status=201)
            runs = await api("GET", f"/schedules/daily/shifts?from={span['start']}&to={span['end']}")
            await api("DELETE", f"/overrides/{made['id']}")
            return [p["id"] for p in runs["shifts"][0]["people"]]

        assert await after(person="ada@example.org") == [third]
        assert await after(kind="add", person="ada@example.org") == [w.jun, third]
        assert await after(kind="remove", person="jun@example.org") == []
        assert await after(kind="map", person=str(third), instead_of="jun@example.org") == [third]
        assert await after(nobody=True) == []
        assert await after(people=[str(third), str(w.mara)]) == [third, w.mara]
        empty = await api("POST", "/schedules/daily/overrides", span, status=422)
        assert empty["errors"][0]["field"] == "person"
        lonely = {**span, "kind": "map", "person": str(third)}
        await api("POST", "/schedules/daily/overrides", lonely, status=422)


async def test_findings_name_the_fault_and_the_fix(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        hole = {"start": "2026-11-25T10:00:00Z", "end": "2026-11-25T12:00:00Z", "nobody": True}
        await api("POST", "/schedules/daily/overrides", hole, status=201)
        findings = await api("GET", "/schedules/daily/findings")
        gap = next(f for f in findings if f["code"] == "S-GAP")
        assert (gap["id"], gap["level"]) == ("S-GAP:20261125T1000Z", "warning")
        assert gap["fix"] == {
            "verb": "override",
            "label": "Create override",
            "args": {"start": "2026-11-25T10:00:00Z", "end": "2026-11-25T12:00:00Z"},
        }
        assert {f["code"] for f in findings} == {"S-GAP", "S-FREQ", "S-UNREACHABLE"}


async def test_gaps_of_one_kind_are_folded_when_asked_and_each_is_there(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        for n in range(25, 28):
            hole = {"start": f"2026-11-{n}T10:00:00Z", "end": f"2026-11-{n}T12:00:00Z", "nobody": True}
            await api("POST", "/schedules/daily/overrides", hole, status=201)
        each = [f for f in await api("GET", "/schedules/daily/findings") if f["code"] == "S-GAP"]
        assert [f["fix"]["args"]["start"] for f in each] == [f"2026-11-{n}T10:00:00Z" for n in range(25, 28)]
        findings = await api("GET", "/schedules/daily/findings?folded=true")
        (once,) = [f for f in findings if f["code"] == "S-GAP"]
        assert "No one is on call on 3 days, first Wed 25 Nov" in once["message"]
        assert (once["start"], once["fix"]["verb"]) == (each[0]["start"], "edit")
        refused = await api("POST", f"/schedules/daily/findings/{once['id']}/fix", status=409)
        assert refused["hint"] == once["message"]


async def test_cover_is_requested_accepted_in_part_given_back_and_withdrawn(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        third = await ada(api)
        await daily(api, w.mara, w.jun, third)
        mine = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        hers = api.with_key(await key_of(w.ctx.db, clock, third))
        body = {"schedule": "daily", "start": "2026-11-24T09:00:00Z", "end": "2026-11-25T09:00:00Z"}
        made = await mine(
            "POST", "/covers", {**body, "asked": ["ada@example.org"], "reason": "dentist"}, status=201
        )
        assert (made["requester"]["name"], made["state"]) == ("Jun Okafor", "open")
        assert [p["name"] for p in made["asked"]] == ["Ada Byron"]
        await mine("POST", "/covers", body, status=409)
        part = {"start": "2026-11-24T12:00:00Z"}
        taken = await hers("POST", f"/covers/{made['id']}/take", part)
        assert (taken["start"], taken["state"], taken["taken_by"]["id"]) == (part["start"], "taken", third)
        rest = await api("GET", "/covers", state="open")
        assert [(c["id"], c["end"]) for c in rest] == [(made["id"], part["start"])]
        await api("POST", f"/covers/{made['id']}/decline", {})
        assert (await api("GET", f"/covers/{made['id']}"))["declined"][0]["id"] == w.mara
        assert (await mine("POST", f"/covers/{made['id']}/withdraw"))["state"] == "withdrawn"
        assert (await hers("POST", f"/covers/{taken['id']}/give-back"))["state"] == "open"
        await hers("POST", f"/covers/{taken['id']}/give-back", status=404)
        await api("POST", "/covers/999/take", {}, status=404)


async def test_a_swap_needs_the_consent_of_the_other(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        theirs = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {
            "schedule": "daily",
            "start": "2026-11-25T09:00:00Z",
            "end": "2026-11-26T09:00:00Z",
            "other": "jun@example.org",
            "their_start": "2026-11-26T09:00:00Z",
            "their_end": "2026-11-27T09:00:00Z",
        }
        made = await api("POST", "/swaps", body, status=201)
        await api("POST", f"/swaps/{made['id']}/accept", status=403)
        done = await theirs("POST", f"/swaps/{made['id']}/accept")
        assert (done["state"], len(done["overrides"])) == ("accepted", 2)
        assert (await api("GET", "/swaps"))[0] == done
        await theirs("POST", f"/swaps/{made['id']}/decline", status=409)
        other = await api(
            "POST",
            "/swaps",
            {**body, "start": "2026-11-27T09:00:00Z", "end": "2026-11-28T09:00:00Z"},
            status=409,
        )
        assert "Jun Okafor is not on call" in other["detail"]


async def test_time_off_requests_cover(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await daily(api, w.mara, w.jun)
        body = {"start": "2026-11-25T09:00:00Z", "end": "2026-11-29T09:00:00Z", "reason": "away"}
        made = await api("POST", "/vacations", {**body, "person": "jun@example.org"}, status=201)
        assert made["open"] == made["covers"] >= 2
        assert await api("GET", "/vacations") == [made]
        await api("POST", "/vacations", {**body, "person": "jun@example.org"}, status=409)
        findings = await api("GET", "/schedules/daily/findings")
        assert "S-VACATION" in {f["code"] for f in findings}
        await api("DELETE", f"/vacations/{made['id']}", status=204)
        assert await api("GET", "/covers", state="open") == []


async def test_a_new_schedule_claims_no_shift_from_before_it_was_created(dsn: str, clock: FakeClock) -> None:
    """An anchor in the past made up shifts, and pay, of months in which the schedule did not exist."""
    async with organization(dsn, clock) as (w, api):
        past: dict[str, Any] = {"anchor": "2026-01-05T09:00", "start": "2026-01-05T09:00:00Z"}
        for number, changes in enumerate((past, {**past, "start": None})):
            payload = {
                "name": f"Daily {number}",
                "team_id": 1,
                "tz": "UTC",
                "layers": [{**layer(w.mara, w.jun), **changes}],
            }
            made = await api("POST", "/schedules", payload, status=201)
            begins = datetime.fromisoformat(made["layers"][0]["start"])
            assert begins == w.now
            assert made["layers"][0]["anchor"] == "2026-01-05T09:00:00"
            span = f"from={quote((w.now - timedelta(days=30)).isoformat())}&to={quote(w.now.isoformat())}"
            shifts = await api("GET", f"/schedules/{made['slug']}/shifts?{span}")
            assert [shift["people"] for shift in shifts["shifts"]] == [[]]
