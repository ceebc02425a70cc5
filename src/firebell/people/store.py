"""The SQL of people, teams, contact methods and keys."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db import Reads, Row, Tx
from firebell.people.model import ApiKey, ContactMethod, Person, QuietHours, Rule, Team

_PERSON = "id, name, email, role, tz, theme, active"
_METHOD = "id, person_id, kind, address, label, verified_at, disabled_at"
_KEY = "id, name, prefix, scopes, person_id, created_at, last_used_at, revoked_at"


def _person(row: Row) -> Person:
    return Person(*row.values())


def _api_key(values: Iterable[Any]) -> ApiKey:
    key_id, name, prefix, scopes, *others = values
    return ApiKey(key_id, name, prefix, tuple(scopes), *others)


async def insert_person(
    tx: Tx, name: str, email: str, role: str, tz: str, password_hash: str | None, now: datetime
) -> Person | None:
    """Insert and return a person, None when the e-mail is taken."""
    row = await tx.row(
        "insert into person (name, email, role, tz, password_hash, created_at)"
        f" values ($1, $2, $3, $4, $5, $6) on conflict (email) do nothing returning {_PERSON}",
        name,
        email,
        role,
        tz,
        password_hash,
        now,
    )
    return _person(row) if row else None


async def update_person(
    tx: Tx, person_id: int, *, name: str, role: str, tz: str, theme: str, active: bool
) -> None:
    await tx.execute(
        "update person set name = $2, role = $3, tz = $4, theme = $5, active = $6 where id = $1",
        person_id,
        name,
        role,
        tz,
        theme,
        active,
    )


async def note_left(tx: Tx, person_id: int, now: datetime) -> None:
    """Write down since when somebody is gone."""
    await tx.execute("insert into person_gone (person_id, since) values ($1, $2)", person_id, now)


async def note_back(tx: Tx, person_id: int, now: datetime) -> None:
    """Write down until when somebody was gone."""
    await tx.execute(
        "update person_gone set until = $2 where person_id = $1 and until is null", person_id, now
    )


async def left_since(tx: Reads, person_id: int, since: datetime) -> bool:
    """Return True if the person is not active now, or has left and returned since."""
    return bool(
        await tx.value(
            """
            select not p.active or exists (
                select
                from person_gone g
                where g.person_id = p.id and g.since >= $2
            )
            from person p
            where p.id = $1
            """,
            person_id,
            since,
        )
    )


async def lock_organisation(tx: Tx) -> None:
    """Let one transaction at a time decide who is admin, active, or on the catch-all list."""
    await tx.execute("lock table catch_all in share row exclusive mode")


async def lock_person(tx: Tx, person_id: int) -> None:
    """Let one transaction at a time change how a person is reached."""
    await tx.fetch("select id from person where id = $1 for no key update", person_id)


async def set_password_hash(tx: Tx, person_id: int, password_hash: str) -> None:
    await tx.execute("update person set password_hash = $2 where id = $1", person_id, password_hash)


async def replace_password_hash(tx: Tx, person_id: int, old: str | None, new: str) -> bool:
    """Set an active person's password hash while it is still `old`; return whether it was."""
    replaced = await tx.execute(
        """
        update person
        set password_hash = $3
        where id = $1 and active and password_hash is not distinct from $2
        """,
        person_id,
        old,
        new,
    )
    return replaced == "UPDATE 1"


async def password_hash(tx: Tx, person_id: int) -> str | None:
    found = await tx.value("select password_hash from person where id = $1", person_id)
    assert found is None or isinstance(found, str)
    return found


async def without_password(tx: Reads, ids: Sequence[int]) -> set[int]:
    """Return who of `ids` cannot sign in yet."""
    rows = await tx.fetch(
        "select id from person where password_hash is null and id = any($1::bigint[])", list(ids)
    )
    return {row["id"] for row in rows}


async def has_people(tx: Reads) -> bool:
    """Say whether somebody exists."""
    return bool(await tx.value("select exists (select from person)"))


async def people(tx: Reads) -> list[Person]:
    return [_person(r) for r in await tx.fetch(f"select {_PERSON} from person order by name, id")]


async def people_by_id(tx: Reads, ids: Sequence[int]) -> dict[int, Person]:
    rows = await tx.fetch(f"select {_PERSON} from person where id = any($1::bigint[])", list(ids))
    return {row["id"]: _person(row) for row in rows}


async def search(
    tx: Reads, words: str = "", *, active: bool = False, limit: int, offset: int = 0
) -> list[Person]:
    """Return a stretch of who has `words` in their name or address, by name."""
    rows = await tx.fetch(
        f"select {_PERSON} from person where (active or not $2)"
        " and (position(lower($1) in lower(name)) > 0 or position(lower($1) in email) > 0)"
        " order by name, id limit $3 offset $4",
        words.strip(),
        active,
        limit,
        offset,
    )
    return [_person(row) for row in rows]


async def person_by_email(tx: Reads, email: str) -> Person | None:
    """Return the person with this address, also one who left."""
    row = await tx.row(f"select {_PERSON} from person where email = $1", email)
    return _person(row) if row else None


async def credentials(tx: Tx, email: str) -> tuple[Person, str | None] | None:
    """Return the active person of an e-mail and their password hash."""
    row = await tx.row(f"select {_PERSON}, password_hash from person where email = $1 and active", email)
    return (Person(*list(row.values())[:7]), row["password_hash"]) if row else None


async def insert_team(tx: Tx, name: str, slug: str, now: datetime) -> Team | None:
    row = await tx.row(
        "insert into team (name, slug, created_at) values ($1, $2, $3)"
        " on conflict (slug) do nothing returning id, name, slug",
        name,
        slug,
        now,
    )
    return Team(*row.values()) if row else None


async def teams(tx: Reads) -> list[Team]:
    return [Team(*r.values()) for r in await tx.fetch("select id, name, slug from team order by name, id")]


async def team_by_slug(tx: Reads, slug: str) -> Team | None:
    row = await tx.row("select id, name, slug from team where slug = $1", slug)
    return Team(*row.values()) if row else None


async def lock_team(tx: Tx, team_id: int) -> bool:
    """Let one transaction at a time change a team; return whether there is such a team."""
    return bool(await tx.fetch("select id from team where id = $1 for no key update", team_id))


async def set_members(tx: Tx, team_id: int, members: Sequence[tuple[int, str]]) -> None:
    await tx.execute("delete from team_member where team_id = $1", team_id)
    await tx.many(
        "insert into team_member (team_id, person_id, role) values ($1, $2, $3)",
        [(team_id, person, role) for person, role in members],
    )


async def team_members(tx: Reads, team_id: int) -> list[tuple[int, str]]:
    """Return (person id, role) of the active members."""
    rows = await tx.fetch(
        "select m.person_id, m.role from team_member m join person p on p.id = m.person_id and p.active"
        " where m.team_id = $1 order by m.person_id",
        team_id,
    )
    return [(row["person_id"], row["role"]) for row in rows]


async def members(tx: Reads, team_ids: Sequence[int]) -> dict[int, list[tuple[int, str]]]:
    """Return (person id, role) of the active members of each team."""
    rows = await tx.fetch(
        "select m.team_id, m.person_id, m.role from team_member m"
        " join person p on p.id = m.person_id and p.active where m.team_id = any($1::bigint[])"
        " order by m.person_id",
        list(team_ids),
    )
    found: dict[int, list[tuple[int, str]]] = {i: [] for i in team_ids}
    for row in rows:
        found[row["team_id"]].append((row["person_id"], row["role"]))
    return found


async def colleagues(tx: Reads, person_id: int) -> list[int]:
    """Return who is in a team with somebody."""
    rows = await tx.fetch(
        "select distinct m.person_id from team_member m"
        " join team_member mine on mine.team_id = m.team_id and mine.person_id = $1",
        person_id,
    )
    return [row["person_id"] for row in rows]


async def team_ids_of(tx: Reads, person_id: int) -> list[int]:
    """Return the teams that a person is a member of."""
    rows = await tx.fetch(
        """
        select team_id
        from team_member
        where person_id = $1
        order by team_id
        """,
        person_id,
    )
    return [row["team_id"] for row in rows]


async def fallback_responders(tx: Reads) -> list[int]:
    rows = await tx.fetch(
        "select c.person_id from catch_all c join person p on p.id = c.person_id and p.active order by 1"
    )
    return [row["person_id"] for row in rows]


async def set_fallback_responders(tx: Tx, ids: Sequence[int]) -> None:
    await tx.execute("delete from catch_all")
    await tx.many("insert into catch_all (person_id) values ($1)", [(i,) for i in ids])


async def insert_method(
    tx: Tx,
    person_id: int,
    kind: str,
    address: str,
    label: str,
    now: datetime,
    signing_secret: bytes | None = None,
) -> ContactMethod | None:
    row = await tx.row(
        f"""
        insert into contact_method (person_id, kind, address, label, created_at, signing_secret)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (person_id, kind, address) do update
        set disabled_at = null, suspect_since = null, label = excluded.label,
            signing_secret = excluded.signing_secret, previous_secret = null, previous_until = null
        where contact_method.disabled_at is not null
        returning {_METHOD}
        """,
        person_id,
        kind,
        address,
        label,
        now,
        signing_secret,
    )
    return ContactMethod(*row.values()) if row else None


async def signing_secrets(
    tx: Reads, method_ids: Sequence[int], now: datetime
) -> dict[int, tuple[bytes, ...]]:
    """Return what each webhook is signed with: its secret, then the one before while that is in force."""
    rows = await tx.fetch(
        """
        select id, signing_secret, case when previous_until > $2 then previous_secret end as previous_secret
        from contact_method
        where id = any($1::bigint[]) and signing_secret is not null
        """,
        list(method_ids),
        now,
    )
    return {row["id"]: tuple(s for s in list(row.values())[1:] if s is not None) for row in rows}


async def rotate_secret(tx: Tx, method_id: int, signing_secret: bytes, previous_until: datetime) -> None:
    await tx.execute(
        """
        update contact_method
        set previous_secret = signing_secret, previous_until = $3, signing_secret = $2
        where id = $1
        """,
        method_id,
        signing_secret,
        previous_until,
    )


async def methods(tx: Tx, person_ids: Sequence[int]) -> list[ContactMethod]:
    """Return the usable contact methods of these people, the oldest first."""
    rows = await tx.fetch(
        f"select {_METHOD} from contact_method where person_id = any($1::bigint[]) and disabled_at is null"
        " order by id",
        list(person_ids),
    )
    return [ContactMethod(*row.values()) for row in rows]


async def method(tx: Tx, method_id: int) -> ContactMethod | None:
    row = await tx.row(f"select {_METHOD} from contact_method where id = $1", method_id)
    return ContactMethod(*row.values()) if row else None


async def disable_method(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute("update contact_method set disabled_at = $2 where id = $1", method_id, now)
    await tx.execute("delete from notification_rule where method_id = $1", method_id)


async def suspects(tx: Tx, person_id: int) -> set[int]:
    """Return the contact methods whose last message could not be delivered."""
    rows = await tx.fetch(
        "select id from contact_method where person_id = $1 and suspect_since is not null", person_id
    )
    return {row["id"] for row in rows}


async def mark_suspect(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute(
        "update contact_method set suspect_since = coalesce(suspect_since, $2) where id = $1", method_id, now
    )


async def mark_verified(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute(
        "update contact_method set verified_at = coalesce(verified_at, $2), suspect_since = null"
        " where id = $1",
        method_id,
        now,
    )


async def add_rule(tx: Tx, person_id: int, urgency: str, delay_s: int, method_id: int) -> None:
    await tx.execute(
        "insert into notification_rule (person_id, urgency, delay_s, method_id) values ($1, $2, $3, $4)"
        " on conflict do nothing",
        person_id,
        urgency,
        delay_s,
        method_id,
    )


async def clear_rules(tx: Tx, person_id: int, urgency: str) -> None:
    await tx.execute(
        "delete from notification_rule where person_id = $1 and urgency = $2", person_id, urgency
    )


async def rules(tx: Tx, person_ids: Sequence[int], urgency: str) -> dict[int, list[Rule]]:
    """Return the rules over usable methods per person, by delay."""
    rows = await tx.fetch(
        "select r.delay_s, m.id, m.person_id, m.kind, m.address, m.label, m.verified_at, m.disabled_at"
        " from notification_rule r join contact_method m on m.id = r.method_id and m.disabled_at is null"
        " where r.person_id = any($1::bigint[]) and r.urgency = $2 order by r.delay_s, r.id",
        list(person_ids),
        urgency,
    )
    found: dict[int, list[Rule]] = {person: [] for person in person_ids}
    for row in rows:
        delay, *values = row.values()
        found[row["person_id"]].append(Rule(delay, ContactMethod(*values)))
    return found


async def quiet_hours(tx: Tx, person_ids: Sequence[int]) -> dict[int, QuietHours]:
    """Return the quiet hours of those who keep any."""
    rows = await tx.fetch(
        "select person_id, starts, ends, tz from quiet_hours where person_id = any($1::bigint[])",
        list(person_ids),
    )
    return {row["person_id"]: QuietHours(row["starts"], row["ends"], row["tz"]) for row in rows}


async def set_quiet_hours(tx: Tx, person_id: int, hours: QuietHours) -> None:
    await tx.execute(
        "insert into quiet_hours (person_id, starts, ends, tz) values ($1, $2, $3, $4) on conflict (person_id)"
        " do update set starts = excluded.starts, ends = excluded.ends, tz = excluded.tz",
        person_id,
        hours.starts,
        hours.ends,
        hours.tz,
    )


async def clear_quiet_hours(tx: Tx, person_id: int) -> None:
    await tx.execute("delete from quiet_hours where person_id = $1", person_id)


async def insert_key(
    tx: Tx, name: str, prefix: str, key_hash: bytes, scopes: list[str], person_id: int, now: datetime
) -> ApiKey:
    row = await tx.row(
        "insert into api_key (name, prefix, key_hash, scopes, person_id, created_at)"
        f" values ($1, $2, $3, $4, $5, $6) returning {_KEY}",
        name,
        prefix,
        key_hash,
        scopes,
        person_id,
        now,
    )
    assert row
    return _api_key(row.values())


async def key(tx: Reads, key_hash: bytes) -> tuple[Person, ApiKey] | None:
    """Return a usable key and its owner, who is active."""
    row = await tx.row(
        "select p.id, p.name, p.email, p.role, p.tz, p.theme, p.active,"
        f" {', '.join('k.' + c for c in _KEY.split(', '))} from api_key k"
        " join person p on p.id = k.person_id and p.active"
        " where k.key_hash = $1 and k.revoked_at is null",
        key_hash,
    )
    if row is None:
        return None
    values = list(row.values())
    return Person(*values[:7]), _api_key(values[7:])


async def touch_key(tx: Tx, key_id: int, now: datetime) -> None:
    """Note the use of a key."""
    await tx.execute("update api_key set last_used_at = $2 where id = $1", key_id, now)


async def keys(tx: Tx, person_id: int) -> list[ApiKey]:
    rows = await tx.fetch(f"select {_KEY} from api_key where person_id = $1 order by id desc", person_id)
    return [_api_key(row.values()) for row in rows]


async def revoke_key(tx: Tx, key_id: int, person_id: int, now: datetime) -> str | None:
    """Revoke a key of the person; return its name, None if there is none that works."""
    name: str | None = await tx.value(
        """
        update api_key
        set revoked_at = $3
        where id = $1
          and person_id = $2
          and revoked_at is null
        returning name
        """,
        key_id,
        person_id,
        now,
    )
    return name


async def revoke_keys(tx: Tx, person_id: int, now: datetime) -> int:
    """Revoke every key of the person that works; return how many that were."""
    revoked = await tx.execute(
        """
        update api_key
        set revoked_at = $2
        where person_id = $1 and revoked_at is null
        """,
        person_id,
        now,
    )
    return int(revoked.partition(" ")[2])
