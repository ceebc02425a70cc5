"""Conditions, actions and needs: each is saved alone, and no one overwrites what they did not see."""

from firebell.kit.clock import FakeClock
from tests.api.api_clients import key_of, organization
from tests.api.test_timeline_entries import INC, declare, page


async def test_each_text_is_saved_alone_with_its_author_and_version(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        texts = await api("GET", f"{INC}/canvas")
        assert [(t["name"], t["text"], t["version"], t["at"]) for t in texts] == [
            ("conditions", "", 0, None),
            ("actions", "", 0, None),
            ("needs", "", 0, None),
        ]
        first = await api("PUT", f"{INC}/canvas/needs", {"text": "A comms lead", "version": 0})
        assert first["author"].startswith("Mara")
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        other = await jun("PUT", f"{INC}/canvas/conditions", {"text": "18% fail", "version": 0})
        assert other["author"].startswith("Jun")
        stale = await jun("PUT", f"{INC}/canvas/needs", {"text": "A DBA", "version": 0}, status=409)
        assert "Mara" in stale["detail"]
        assert (await api("GET", INC))["needs"] == "A comms lead"
        same = await jun("PUT", f"{INC}/canvas/needs", {"text": "A comms lead", "version": 0})
        assert same == first
        both = {"text": "A comms lead and a DBA", "version": first["version"]}
        assert (await jun("PUT", f"{INC}/canvas/needs", both))["version"] > first["version"]
        await jun("PUT", f"{INC}/canvas/mood", {"text": "Calm", "version": 0}, status=422)
        incident = await api("GET", INC)
        assert (incident["conditions"], incident["actions"]) == ("18% fail", "")


async def test_the_author_is_who_changed_the_text_even_if_all_three_were_saved(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await api("PUT", f"{INC}/canvas", {"conditions": "18% fail", "actions": "", "needs": "A DBA"})
        await jun("PUT", f"{INC}/canvas", {"conditions": "11% fail", "actions": "", "needs": "A DBA"})
        texts = {t["name"]: t for t in await api("GET", f"{INC}/canvas")}
        assert texts["conditions"]["author"].startswith("Jun")
        assert texts["needs"]["author"].startswith("Mara")
        assert texts["actions"]["version"] == 0


async def test_a_conflict_in_the_room_shows_both_texts(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w)
        async with page(w) as (http, csrf):
            form = {"csrf": csrf, "text": "A comms lead", "version": "0"}
            assert (await http.post(f"{INC}/canvas/needs", data=form)).status_code == 303
            assert "A comms lead" in (await http.get(INC)).text
            late = await http.post(f"{INC}/canvas/needs", data={**form, "text": "A DBA"})
            assert late.status_code == 409
            assert "A comms lead" in late.text
            assert ">A DBA</textarea>" in late.text
            current = next(t for t in await api("GET", f"{INC}/canvas") if t["name"] == "needs")
            assert f'name="version" value="{current["version"]}"' in late.text
            again = {**form, "text": "A comms lead and a DBA", "version": str(current["version"])}
            assert (await http.post(f"{INC}/canvas/needs", data=again)).status_code == 303
            assert (await http.post(f"{INC}/canvas/mood", data=form)).status_code == 404
