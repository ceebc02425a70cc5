"""People, teams, fallback responders, contact methods, rules and keys, with their audit entries."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db, Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.kit.signing import token_hash
from firebell.people import actions as people
from firebell.people.api_keys import store as key_store
from firebell.people.audit_log import store as audit_store
from tests.house.source import SRC
from tests.world import World, world

Verb = Callable[[Tx], Awaitable[Any]]


async def audit(w: World) -> list[tuple[str, str]]:
    """Return (actor, action) of every audit entry, oldest first."""
    async with w.ctx.db.tx() as tx:
        return [
            (r["actor_label"], r["action"]) for r in (await audit_store.audit_entries(tx, None, 500))[::-1]
        ]


async def attempt(w: World, verb: Any, *args: Any, **more: Any) -> FirebellError | None:
    """Run an action in its own transaction and return the error that it raised."""
    try:
        async with w.ctx.db.tx() as tx:
            await verb(tx, *args, **more)
    except FirebellError as error:
        return error
    return None


ADMIN_VERBS = (
    "person.created",
    "person.changed",
    "team.created",
    "team.members",
    "catch_all.set",
)
OWN_VERBS = (
    "person.password",
    "contact.added",
    "rules.set",
    "contact.tested",
    "contact.removed",
    "key.created",
    "key.revoked",
)


async def test_every_action_records_who_did_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        admin = await w.actor(w.mara)
        before = len(await audit(w))
        async with w.ctx.db.tx() as tx:
            ada = await people.create_person(
                tx, admin, name="Ada", email="ada@example.org", role="responder", tz="UTC", now=w.now
            )
            herself = Actor("person", ada.name, ada.id)
            await people.update_person(tx, admin, ada.id, tz="Europe/Berlin", now=w.now)
            team = await people.create_team(tx, admin, name="Search", members=[(ada.id, "member")], now=w.now)
            await people.set_team_members(tx, admin, team.id, [(w.jun, "manager")], w.now)
            await people.set_fallback_responders(tx, admin, [w.mara, ada.id], w.now)
            await people.change_password(tx, herself, ada.id, None, "the hash of a new one", w.now)
            made = await people.add_contact_method(
                tx, herself, person_id=ada.id, kind="ntfy", address="ada-7f3a", label="phone", now=w.now
            )
            await people.set_rules(
                tx, herself, person_id=ada.id, urgency="high", rules=[(0, made.id)], now=w.now
            )
            await people.request_test(tx, herself, made.id, ada.id, w.now)
            await people.remove_contact_method(tx, herself, made.id, ada.id, w.now)
            key, secret = await people.create_api_key(
                tx, herself, name="script", scopes=["pages:read"], person_id=ada.id, now=w.now
            )
            stored_key = await key_store.key(tx, token_hash(secret))
            assert stored_key
            assert (stored_key[0].id, stored_key[1]) == (ada.id, key)
            await people.revoke_api_key(tx, herself, key.id, ada.id, w.now)
            assert await key_store.key(tx, token_hash(secret)) is None
        assert (await audit(w))[before:] == [
            *(("Mara Lindqvist", verb) for verb in ADMIN_VERBS),
            *(("Ada", verb) for verb in OWN_VERBS),
        ]


async def test_what_cannot_be_is_refused_with_its_reason(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor, now = await w.actor(w.mara), w.now
        person = {"name": "Ada", "email": "ada@example.org", "role": "responder", "tz": "UTC", "now": now}
        rules = {"person_id": w.mara, "urgency": "high", "now": now}
        async with w.ctx.db.tx() as tx:
            own = (await people.methods_of(tx, [w.mara]))[0].id
            other = (await people.methods_of(tx, [w.jun]))[0].id
        refusals: list[tuple[type[FirebellError], FirebellError | None]] = [
            (
                Conflict,
                await attempt(w, people.create_person, actor, **{**person, "email": "JUN@example.org"}),
            ),
            (Invalid, await attempt(w, people.create_person, actor, **{**person, "role": "king"})),
            (NotFound, await attempt(w, people.update_person, actor, 999, name="x", now=now)),
            (Conflict, await attempt(w, people.create_team, actor, name="payments", now=now)),
            (
                NotFound,
                await attempt(w, people.create_team, actor, name="T", members=[(999, "member")], now=now),
            ),
            (
                Invalid,
                await attempt(w, people.create_team, actor, name="T", members=[(w.jun, "boss")], now=now),
            ),
            (NotFound, await attempt(w, people.set_team_members, actor, 999, [], now)),
            (Invalid, await attempt(w, people.set_fallback_responders, actor, [], now)),
            (NotFound, await attempt(w, people.set_fallback_responders, actor, [999], now)),
            (Invalid, await attempt(w, people.set_rules, actor, rules=[(60, own)], **rules)),
            (Invalid, await attempt(w, people.set_rules, actor, rules=[], **rules)),
            (Invalid, await attempt(w, people.set_rules, actor, rules=[(0, own), (-1, own)], **rules)),
            (Invalid, await attempt(w, people.set_rules, actor, rules=[(0, own)] * 51, **rules)),
            (NotFound, await attempt(w, people.set_rules, actor, rules=[(0, other)], **rules)),
            (
                Invalid,
                await attempt(w, people.set_rules, actor, rules=[(0, own)], **{**rules, "urgency": "odd"}),
            ),
            (NotFound, await attempt(w, people.remove_contact_method, actor, other, w.mara, now)),
            (NotFound, await attempt(w, people.request_test, actor, other, w.mara, now)),
            (NotFound, await attempt(w, people.revoke_api_key, actor, 999, w.mara, now)),
        ]
        for number, (expected, error) in enumerate(refusals):
            assert type(error) is expected, f"refusal {number}: {error!r}"


async def test_the_only_admin_and_the_last_of_the_catch_all_list_stay(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        assert "only admin" in str(
            await attempt(w, people.update_person, actor, w.mara, role="viewer", now=w.now)
        )
        assert "only admin" in str(
            await attempt(w, people.update_person, actor, w.mara, active=False, now=w.now)
        )
        assert await attempt(w, people.set_fallback_responders, actor, [w.jun], w.now) is None
        gone = await attempt(w, people.update_person, actor, w.jun, active=False, now=w.now)
        assert "only fallback responder" in str(gone)
        async with w.ctx.db.tx() as tx:
            assert await people.fallback_responders(tx) == [w.jun]


async def overlapping(w: World, first: Verb, second: Verb) -> FirebellError | None:
    """Run `second` while the transaction of `first` is open, and return the error that it raised."""
    async with w.ctx.db.tx() as tx:
        await first(tx)
        waiting = asyncio.create_task(attempt(w, second))
        await asyncio.sleep(0.1)
    return await waiting


async def test_two_admins_who_remove_each_other_leave_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        assert await attempt(w, people.update_person, mara, w.jun, role="admin", now=w.now) is None
        late = await overlapping(
            w,
            lambda tx: people.update_person(tx, mara, w.jun, active=False, now=w.now),
            lambda tx: people.update_person(tx, jun, w.mara, active=False, now=w.now),
        )
        assert "only admin" in str(late)
        async with w.ctx.db.tx() as tx:
            assert [p.id for p in await people.people(tx) if p.active] == [w.mara]
            assert await people.fallback_responders(tx) == [w.mara]


async def test_the_catch_all_list_is_never_left_with_people_who_just_left(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        late = await overlapping(
            w,
            lambda tx: people.update_person(tx, mara, w.jun, active=False, now=w.now),
            lambda tx: people.set_fallback_responders(tx, mara, [w.jun], w.now),
        )
        assert isinstance(late, NotFound)
        async with w.ctx.db.tx() as tx:
            assert await people.fallback_responders(tx) == [w.mara]


async def test_choosing_a_theme_during_a_deactivation_does_not_undo_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        late = await overlapping(
            w,
            lambda tx: people.update_person(tx, mara, w.jun, active=False, now=w.now),
            lambda tx: people.update_person(tx, mara, w.jun, theme="dark", now=w.now),
        )
        assert late is None
        async with w.ctx.db.tx() as tx:
            assert not (await people.person(tx, w.jun)).active


async def test_two_contact_methods_removed_at_once_leave_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            one, other = (m.id for m in await people.methods_of(tx, [w.mara]))
        late = await overlapping(
            w,
            lambda tx: people.remove_contact_method(tx, actor, one, w.mara, w.now),
            lambda tx: people.remove_contact_method(tx, actor, other, w.mara, w.now),
        )
        assert "only contact method" in str(late)
        async with w.ctx.db.tx() as tx:
            assert [m.id for m in await people.methods_of(tx, [w.mara])] == [other]


async def test_a_demo_starts_again_after_someone_added_a_webhook_in_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.jun)
        own, phone, moved = "https://example.org/own", "http://127.0.0.1:1/phone", "http://127.0.0.1:2/phone"
        async with w.ctx.db.tx() as tx:
            for address in (phone, own):
                await people.add_contact_method(
                    tx, actor, person_id=w.jun, kind="webhook", address=address, label="", now=w.now
                )
            await people.move_demo_phones(tx, moved)
            addresses = {m.address for m in await people.methods_of(tx, [w.jun])}
        assert {own, moved} <= addresses
        assert phone not in addresses


async def test_removing_the_method_of_the_only_rule_leaves_the_other_methods(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            hook = next(m for m in await people.methods_of(tx, [w.mara]) if m.kind == "webhook")
            await people.remove_contact_method(tx, await w.actor(w.mara), hook.id, w.mara, w.now)
        await w.alert()
        await w.settle()
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select channel from delivery where person_id = $1", w.mara) == "email"


async def test_two_teams_set_at_once_end_as_one_of_them(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        actor: Actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            (team,) = await people.teams(tx)
        done = await asyncio.gather(
            *[
                attempt(
                    w, people.set_team_members, actor, team.id, [(w.mara, "member"), (w.jun, role)], w.now
                )
                for role in ("member", "manager") * 3
            ]
        )
        assert done == [None] * 6
        async with w.ctx.db.tx() as tx:
            assert await people.team_members(tx, team.id) == [w.mara, w.jun]


async def test_free_text_with_control_characters_is_stored_without_them(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            made = await people.add_contact_method(
                tx,
                await w.actor(w.mara),
                person_id=w.mara,
                kind="ntfy",
                address="mara",
                label="my\x00 phone\ud800",
                now=w.now,
            )
        assert made.label == "my phone"


async def test_a_scope_stored_before_the_check_does_not_wait_for_a_promotion(
    db: Db, clock: FakeClock
) -> None:
    (migration,) = (SRC / "migrations").glob("*_key_scopes.sql")
    held = {"viewer": ["admin", "pages:read"], "responder": ["admin"], "admin": ["admin", "pages:write"]}
    async with db.tx() as tx:
        for role, scopes in held.items():
            person = await people.create_person(
                tx,
                Actor("system", "Test"),
                name=role,
                email=f"{role}@example.org",
                role=role,
                tz="UTC",
                now=clock.now(),
            )
            await key_store.insert_key(tx, role, "fb_x", role.encode(), scopes, person.id, clock.now())
        await tx.execute(migration.read_text(encoding="utf-8"))
        rows = await tx.fetch("select name, scopes, revoked_at is null as works from api_key order by id")
    assert [(r["name"], r["scopes"], r["works"]) for r in rows] == [
        ("viewer", ["pages:read"], True),
        ("responder", [], False),
        ("admin", ["admin", "pages:write"], True),
    ]
