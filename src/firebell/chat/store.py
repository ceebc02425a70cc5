"""The SQL of accounts and rooms; `mirror/object_store.py` has that of the mirror."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from firebell.chat.model import (
    Account,
    AccountSecrets,
    AccountSettings,
    AccountState,
    ChatKind,
    Room,
    RoomState,
    settings_from_json,
    settings_to_json,
)
from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer

_ACCOUNT = (
    "id, kind, external_id, name, mode, bot_user, scopes, state, address, bot_id, hint, reason, settings,"
    " paused_at, last_ok_at, last_frame_at, created_at, created_by"
)
_ROOM = (
    "id, account_id, incident_id, external_id, name, state, attempt, private, owners, left_by, invited, created_at,"
    " renamed_at"
)


def _account(row: Row) -> Account:
    values = dict(row)
    return Account(
        **{
            **values,
            "kind": ChatKind(values["kind"]),
            "state": AccountState(values["state"]),
            "scopes": tuple(values["scopes"]),
            "settings": settings_from_json(values["settings"]),
        }
    )


def _room(row: Row) -> Room:
    values = dict(row)
    return Room(**{**values, "state": RoomState(values["state"]), "left_by": tuple(values["left_by"])})


async def accounts(tx: Reads) -> list[Account]:
    """Return all accounts, oldest first."""
    rows = await tx.fetch(f"select {_ACCOUNT} from chat_account order by id")
    return [_account(row) for row in rows]


async def account(tx: Reads, account_id: int, *, lock: bool = False) -> Account | None:
    """Return an account, None if it does not exist."""
    row = await tx.row(
        f"""
        select {_ACCOUNT}
        from chat_account
        where id = $1
        {"for no key update" if lock else ""}
        """,
        account_id,
    )
    return _account(row) if row else None


async def account_by_external_id(tx: Reads, kind: str, external_id: str) -> Account | None:
    """Return the account of a workspace, None if it is not connected."""
    row = await tx.row(
        f"""
        select {_ACCOUNT}
        from chat_account
        where kind = $1 and external_id = $2
        """,
        kind,
        external_id,
    )
    return _account(row) if row else None


async def has_accounts(tx: Reads) -> bool:
    """Return True if a chat is connected."""
    return bool(await tx.value("select exists (select from chat_account)"))


async def sealer(tx: Tx) -> Sealer:
    """Return what seals secrets with a key of this installation."""
    return Sealer(await org_settings.installation_secret(tx), "chat.account")


async def seal(tx: Tx, kind: str, external_id: str, secrets: AccountSecrets) -> bytes:
    """Return the secrets of an account as they are stored."""
    value = {
        "bot_token": secrets.bot_token,
        "signing_secrets": list(secrets.signing_secrets),
        "app_token": secrets.app_token,
        "webhooks": dict(secrets.webhooks),
    }
    return (await sealer(tx)).seal(msgspec.json.encode(value), f"{kind}/{external_id}")


async def account_secrets(tx: Tx, account_id: int) -> AccountSecrets:
    """Return the secrets of an account; raise `Invalid` if they cannot be read."""
    row = await tx.row("select kind, external_id, secrets from chat_account where id = $1", account_id)
    if row is None:
        return AccountSecrets()
    opened = (await sealer(tx)).open(row["secrets"], f"{row['kind']}/{row['external_id']}")
    value: dict[str, Any] = msgspec.json.decode(opened)
    return AccountSecrets(
        bot_token=value["bot_token"],
        signing_secrets=tuple(value["signing_secrets"]),
        app_token=value["app_token"],
        webhooks=value.get("webhooks", {}),
    )


async def save_account(
    tx: Tx,
    *,
    kind: str,
    external_id: str,
    name: str,
    mode: str,
    address: str,
    bot_user: str,
    bot_id: str,
    scopes: Sequence[str],
    secrets: AccountSecrets,
    hint: str,
    created_by: int | None,
    now: datetime,
) -> Account:
    """Insert an account, or give an existing one new secrets; it works again from now on."""
    row = await tx.row(
        f"""
        insert into chat_account (
            kind, external_id, name, mode, address, bot_user, bot_id, scopes, secrets, hint,
            created_at, created_by, last_ok_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $11)
        on conflict (kind, external_id) do update
        set name = excluded.name,
            mode = excluded.mode,
            address = excluded.address,
            bot_user = excluded.bot_user,
            bot_id = excluded.bot_id,
            scopes = excluded.scopes,
            secrets = excluded.secrets,
            hint = excluded.hint,
            state = 'ok',
            reason = '',
            last_ok_at = excluded.last_ok_at
        returning {_ACCOUNT}
        """,
        kind,
        external_id,
        name,
        mode,
        address,
        bot_user,
        bot_id,
        list(scopes),
        await seal(tx, kind, external_id, secrets),
        hint,
        now,
        created_by,
    )
    assert row
    return _account(row)


async def delete_account(tx: Tx, account_id: int) -> None:
    """Delete an account with its rooms and objects; what is in the chat stays there."""
    await tx.execute("delete from chat_account where id = $1", account_id)


async def save_settings(tx: Tx, account_id: int, settings: AccountSettings) -> None:
    """Store the choices of an account."""
    await tx.execute(
        "update chat_account set settings = $2 where id = $1", account_id, settings_to_json(settings)
    )


async def pause(tx: Tx, account_id: int, paused_at: datetime | None) -> None:
    """Stop calling an account, or resume."""
    await tx.execute("update chat_account set paused_at = $2 where id = $1", account_id, paused_at)


async def set_state(tx: Tx, account_id: int, state: AccountState, reason: str, now: datetime) -> None:
    """Record whether an account works."""
    await tx.execute(
        """
        update chat_account
        set state = $2,
            reason = $3,
            last_ok_at = case when $2 = 'ok' then $4 else last_ok_at end
        where id = $1
        """,
        account_id,
        state,
        reason[:500],
        now,
    )


async def note_ok(tx: Tx, account_id: int, now: datetime) -> None:
    """Record that a call was answered."""
    await tx.execute(
        """
        update chat_account
        set last_ok_at = $2,
            state = case when state = 'degraded' then 'ok' else state end,
            reason = case when state = 'degraded' then '' else reason end
        where id = $1
            and (last_ok_at is null or last_ok_at < $2::timestamptz - interval '10 seconds' or state = 'degraded')
        """,
        account_id,
        now,
    )


async def note_frame(tx: Tx, account_id: int, now: datetime) -> None:
    """Record that the chat sent something."""
    await tx.execute("update chat_account set last_frame_at = $2 where id = $1", account_id, now)


async def lease(tx: Tx, holder: str, until: datetime, renew_before: datetime, now: datetime) -> list[Account]:
    """Return the accounts that this process has alone, after it took those that are free and renewed its own."""
    await tx.execute(
        """
        update chat_account
        set lease_by = $1, lease_until = $2
        where id in (
            select id
            from chat_account
            where state <> 'broken'
                and paused_at is null
                and (
                    (lease_by = $1 and lease_until <= $3)
                    or lease_until is null
                    or lease_until <= $4
                )
            order by id
            for update skip locked
        )
        """,
        holder,
        until,
        renew_before,
        now,
    )
    rows = await tx.fetch(
        f"""
        select {_ACCOUNT}
        from chat_account
        where lease_by = $1
            and lease_until > $2
            and state <> 'broken'
            and paused_at is null
        order by id
        """,
        holder,
        now,
    )
    return [_account(row) for row in rows]


async def release(tx: Tx, holder: str) -> None:
    """Give up the leases of a process that ends."""
    await tx.execute("update chat_account set lease_until = null where lease_by = $1", holder)


async def room(tx: Reads, account_id: int, incident_id: int) -> Room | None:
    """Return the current room of an incident, None if it has none."""
    row = await tx.row(
        f"""
        select {_ROOM}
        from chat_room
        where account_id = $1 and incident_id = $2 and state <> 'moved'
        """,
        account_id,
        incident_id,
    )
    return _room(row) if row else None


async def room_by_id(tx: Reads, room_id: int) -> Room | None:
    """Return a room, None if it does not exist."""
    row = await tx.row(f"select {_ROOM} from chat_room where id = $1", room_id)
    return _room(row) if row else None


async def room_by_channel(tx: Reads, account_id: int, channel: str) -> Room | None:
    """Return the room of a channel, None if the channel is no incident's."""
    row = await tx.row(
        f"""
        select {_ROOM}
        from chat_room
        where account_id = $1 and external_id = $2 and external_id <> ''
        order by id desc
        limit 1
        """,
        account_id,
        channel,
    )
    return _room(row) if row else None


async def rooms_of(tx: Reads, incident_ids: Sequence[int]) -> list[Room]:
    """Return the current rooms of incidents."""
    rows = await tx.fetch(
        f"""
        select {_ROOM}
        from chat_room
        where incident_id = any($1::bigint[]) and state <> 'moved'
        order by incident_id, account_id
        """,
        list(incident_ids),
    )
    return [_room(row) for row in rows]


async def want_room(tx: Tx, account_id: int, incident_id: int, *, private: bool) -> Room:
    """Insert the room of an incident that is to be created, and return it; idempotent."""
    await tx.execute(
        """
        insert into chat_room (account_id, incident_id, private, state)
        values ($1, $2, $3, 'wanted')
        on conflict (account_id, incident_id) where state <> 'moved' do nothing
        """,
        account_id,
        incident_id,
        private,
    )
    existing = await room(tx, account_id, incident_id)
    assert existing
    return existing


_ROOM_COLUMNS = {
    *("external_id", "name", "state", "attempt", "private", "owners", "left_by", "created_at", "renamed_at"),
    "swept_at",
}


async def change_room(tx: Tx, room_id: int, **changes: Any) -> None:
    """Update the named columns of a room."""
    assert set(changes) <= _ROOM_COLUMNS
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(f"update chat_room set {assignments} where id = $1", room_id, *changes.values())


async def set_owner(tx: Tx, room_id: int, field: str, owner: str | None) -> None:
    """Record who set a field of a room; None gives it back to Firebell."""
    if owner is None:
        await tx.execute("update chat_room set owners = owners - $2::text where id = $1", room_id, field)
        return
    await tx.execute(
        "update chat_room set owners = owners || jsonb_build_object($2::text, $3::text) where id = $1",
        room_id,
        field,
        owner,
    )


async def add_invited(tx: Tx, room_id: int, users: Mapping[int, str]) -> None:
    """Record that Firebell invites the users of people to a room."""
    await tx.execute(
        "update chat_room set invited = invited || $2::jsonb where id = $1",
        room_id,
        {str(person_id): user for person_id, user in users.items()},
    )


async def remove_invited(tx: Tx, room_id: int, user: str) -> None:
    """Record that Firebell removed a user from a room."""
    await tx.execute(
        """
        update chat_room
        set invited = (
            select coalesce(jsonb_object_agg(key, value), '{}')
            from jsonb_each(invited)
            where value <> to_jsonb($2::text)
        )
        where id = $1
        """,
        room_id,
        user,
    )


async def waiting(tx: Reads, account_ids: Sequence[int], now: datetime) -> Mapping[int, tuple[int, float]]:
    """Return how many targets of each account are late, and the age of the oldest in seconds."""
    rows = await tx.fetch(
        """
        select account_id,
            count(*) as targets,
            extract(epoch from $2::timestamptz - min(dirty_at))::float as age_s
        from chat_want
        where account_id = any($1::bigint[])
            and version > done_version
        group by account_id
        """,
        list(account_ids),
        now,
    )
    return {row["account_id"]: (row["targets"], row["age_s"]) for row in rows}


async def waiting_of(tx: Reads, target: str, now: datetime) -> Mapping[int, float]:
    """Return for how many seconds a target has waited in each account where it waits."""
    rows = await tx.fetch(
        """
        select account_id, extract(epoch from $2::timestamptz - dirty_at)::float as age_s
        from chat_want
        where target = $1 and version > done_version
        """,
        target,
        now,
    )
    return {row["account_id"]: row["age_s"] for row in rows}
