"""Undo over JSON and on the command line: the response to a removal has the token that undoes it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from firebell.kit import undo
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.people.model import Role
from firebell.undo.undoable_actions import WAYS
from tests.api.api_clients import TEST, Api, key_of, organization
from tests.cli.terminal import at_a_server
from tests.world import World


async def deleted(api: Api) -> str:
    """Delete the one policy and return the token that undoes it."""
    answer = await api("DELETE", "/policies/payments")
    return str(answer["undo"]["token"])


async def test_a_deleted_policy_comes_back_by_its_token_once(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        before = await api("GET", "/policies/payments")
        offer = (await api("DELETE", "/policies/payments"))["undo"]
        assert datetime.fromisoformat(offer["until"]) == w.now + undo.UNDO_WITHIN
        await api("GET", "/policies/payments", status=404)
        undone = await api("POST", f"/undo/{offer['token']}")
        assert undone["url"].endswith("/escalation/payments")
        assert await api("GET", "/policies/payments") == before
        again = await api("POST", f"/undo/{offer['token']}", status=409)
        assert "already" in again["detail"]
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from audit where action = 'action.undone'") == 1


async def test_undo_that_comes_too_late_names_the_next_step(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        token = await deleted(api)
        clock.advance(undo.ACCEPTED_WITHIN + timedelta(seconds=1))
        for undo_token in (token, undo.LATEST):
            refused = await api("POST", f"/undo/{undo_token}", status=409)
            assert refused["hint"]


async def test_another_person_sees_whose_action_it_was(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        token = await deleted(api)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, role=Role.ADMIN, now=w.now)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        refused = await jun("POST", f"/undo/{token}", status=409)
        assert "Mara" in refused["hint"]
        await jun("POST", f"/undo/{undo.LATEST}", status=409)
        await api("POST", f"/undo/{token}")


async def test_undo_never_overwrites_what_someone_did_since(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        token = await deleted(api)
        level = {"targets": [{"kind": "team", "id": 1}], "ack_within_s": 300}
        await api("POST", "/policies", {"name": "Payments", "team_id": 1, "levels": [level]}, status=201)
        refused = await api("POST", f"/undo/{token}", status=409)
        assert "Payments" in refused["detail"]
        await api("PUT", "/runbooks/mine", {"body": "# Mine\n\nFirst.\n"})
        token = (await api("DELETE", "/runbooks/mine"))["undo"]["token"]
        await api("PUT", "/runbooks/mine", {"body": "# Mine\n\nSecond.\n"})
        await api("POST", f"/undo/{token}", status=409)
        assert "Second" in (await api("GET", "/runbooks/mine"))["body"]


async def test_an_undo_needs_the_right_to_the_action_itself(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        token = await deleted(api)
        reader = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["oncall:read"]))
        await reader("POST", f"/undo/{token}", status=403)
        for damaged in ("nonsense", f"{token}x", token[1:]):
            await api("POST", f"/undo/{damaged}", status=404)


async def test_the_newest_of_two_is_undone_first(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        for slug in ("one", "two"):
            await api("PUT", f"/runbooks/{slug}", {"body": f"# {slug}\n\nText.\n"})
            await api("DELETE", f"/runbooks/{slug}")
            clock.advance(timedelta(seconds=1))
        assert (await api("POST", f"/undo/{undo.LATEST}"))["url"].endswith("/runbooks/two")
        assert (await api("POST", f"/undo/{undo.LATEST}"))["url"].endswith("/runbooks/one")
        await api("POST", f"/undo/{undo.LATEST}", status=409)
        assert (await api("GET", "/runbooks/one"))["body"].startswith("# one")


async def removals(w: World, api: Api) -> list[tuple[str, str]]:
    """Return a deletion of each kind that can be undone, and the address that shows what it removes."""
    team = {"targets": [{"kind": "team", "id": 1}], "ack_within_s": 300}
    await api("POST", "/policies", {"name": "Search", "team_id": 1, "levels": [team]}, status=201)
    method = await api(
        "POST", "/me/contact-methods", {"kind": "ntfy", "address": "mara-2", "label": ""}, status=201
    )
    feed = await api("POST", "/calendar-feeds", {"kind": "person"}, status=201)
    await api("PUT", "/runbooks/mine", {"body": "# Mine\n\nText.\n"})
    await api("PUT", "/templates/update-first", {"body": "{{title}} is being looked at."})
    now = w.now.isoformat()
    end = (w.now + timedelta(hours=2)).isoformat()
    override = await api(
        "POST",
        "/schedules/payments-primary/overrides",
        {"kind": "set", "person": "jun@example.org", "start": now, "end": end},
        status=201,
    )
    shadow = await api(
        "POST",
        "/schedules/payments-primary/shadows",
        {"person": "jun@example.org", "start": end},
        status=201,
    )
    return [
        ("/policies/search", "/policies"),
        (f"/me/contact-methods/{method['id']}", "/me/contact-methods"),
        (f"/calendar-feeds/{feed['id']}", "/calendar-feeds"),
        ("/runbooks/mine", "/runbooks"),
        ("/templates/update-first", "/templates/update-first"),
        (f"/overrides/{override['id']}", "/schedules/payments-primary/overrides"),
        (f"/schedules/payments-primary/shadows/{shadow['id']}", "/schedules/payments-primary"),
        (f"/services/checkout/integrations/{w.integration}", "/services/checkout/integrations"),
    ]


async def test_each_kind_of_removal_comes_back_as_it_was(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for address, shows in await removals(w, api):
            before = await api("GET", shows)
            offer = (await api("DELETE", address))["undo"]
            assert await api("GET", shows) != before, address
            await api("POST", f"/undo/{offer['token']}")
            assert same(await api("GET", shows), before), address


def same(after: Any, before: Any) -> bool:
    """Return True if two responses differ only in ids, versions, and when and by whom a text was saved."""
    volatile = ("id", "version", "updated_at", "changed_at", "updated_by", "changed_by")

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items() if k not in volatile}
        return [plain(v) for v in value] if isinstance(value, list) else value

    return bool(plain(after) == plain(before))


async def test_what_changed_nothing_never_offers_the_undo_of_the_action_before(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("PUT", "/templates/update-first", {"body": "{{title}} is being looked at."})
        assert (await api("DELETE", "/templates/update-first"))["undo"]
        clock.advance(timedelta(seconds=1))
        assert (await api("DELETE", "/templates/update-progress"))["undo"] is None


async def test_an_undo_never_leaves_a_deactivated_person_as_the_only_fallback_responder(
    dsn: str, clock: FakeClock
) -> None:
    """After that, no one was paged when every escalation level failed."""
    async with organization(dsn, clock) as (w, api):
        for person_id in (w.jun, w.mara):
            await api("PUT", "/catch-all", {"person_ids": [person_id]})
            clock.advance(timedelta(seconds=1))
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, TEST, w.jun, active=False, now=w.now)
        await api("POST", f"/undo/{undo.LATEST}", status=409)
        assert await api("GET", "/catch-all") == {"person_ids": [w.mara]}


async def test_a_revoked_key_works_again_after_undo(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        secret = await key_of(w.ctx.db, clock, w.mara)
        other = api.with_key(secret)
        number = max(key["id"] for key in await api("GET", "/me/keys"))
        token = (await api("DELETE", f"/me/keys/{number}"))["undo"]["token"]
        await other("GET", "/me", status=401)
        await api("POST", f"/undo/{token}")
        await other("GET", "/me")


async def test_firebell_undo_takes_back_the_newest_action(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        added = (await run("contact", "add", "ntfy", "mara-bell-2", "--json")).json
        removed = await run("contact", "remove", str(added["id"]), "--json")
        assert removed.json["undo"]["token"]
        assert added["id"] not in {m["id"] for m in (await run("contact", "list", "--json")).json}
        await run("undo")
        assert added["id"] in {m["id"] for m in (await run("contact", "list", "--json")).json}
        await run("undo", removed.json["undo"]["token"], code=1)


def test_every_undoable_action_has_a_hint_for_too_late() -> None:
    assert all(way.late.endswith(".") for way in WAYS.values())


async def test_bug_a_key_restored_a_revoked_key_with_more_scopes(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        leaked = await key_of(w.ctx.db, clock, w.mara)
        narrow = api.with_key(await key_of(w.ctx.db, clock, w.mara, ["pages:read"]))
        leaked_id = (await api("GET", "/me/keys"))[1]["id"]
        token = (await api("DELETE", f"/me/keys/{leaked_id}"))["undo"]["token"]
        for undo_token in (undo.LATEST, token):
            await narrow("POST", f"/undo/{undo_token}", status=403)
        await api.with_key(leaked)("GET", "/me", status=401)
        await api("POST", f"/undo/{token}")
        await api.with_key(leaked)("GET", "/me")
