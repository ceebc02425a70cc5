"""The SQL of accounts and rooms."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.chat.model import Account, AccountSecrets, AccountState, ChatKind, Room, RoomState
from firebell.kit.db.database import Row, Tx

_ACCOUNT = "id, kind, external_id, name, mode, bot_user, scopes, state"
_ROOM = "id, account_id, incident_id, external_id, name, state"


def _room(row: Row) -> Room:
    return Room(**{**dict(row), "state": RoomState(row["state"])})


async def accounts(tx: Tx) -> list[Account]:
    """Return all accounts, oldest first."""
    rows = await tx.fetch(f"select {_ACCOUNT} from chat_account order by id")
    return [
        Account(
            **{
                **dict(row),
                "kind": ChatKind(row["kind"]),
                "scopes": tuple(row["scopes"]),
                "state": AccountState(row["state"]),
            }
        )
        for row in rows
    ]


async def account(tx: Tx, account_id: int) -> Account | None:
    """Return an account, None if it does not exist."""
    return next((each for each in await accounts(tx) if each.id == account_id), None)


async def account_by_external_id(tx: Tx, kind: str, external_id: str) -> Account | None:
    """Return the account of a workspace, None if it is not connected."""
    return next(
        (each for each in await accounts(tx) if (each.kind, each.external_id) == (kind, external_id)), None
    )


async def account_secrets(tx: Tx, account_id: int) -> AccountSecrets:
    """Return the secrets of an account."""
    row = await tx.row(
        """
        select bot_token, signing_secrets, app_token
        from chat_account
        where id = $1
        """,
        account_id,
    )
    assert row
    return AccountSecrets(row["bot_token"], tuple(row["signing_secrets"]), row["app_token"])


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
    """Insert an account."""
    account_id: int = await tx.value(
        """
        insert into chat_account (
            kind, external_id, name, mode, bot_user, scopes, bot_token, signing_secrets, app_token
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        returning id
        """,
        kind,
        external_id,
        name,
        mode,
        bot_user,
        list(scopes),
        secrets.bot_token,
        list(secrets.signing_secrets),
        secrets.app_token,
    )
    saved = await account(tx, account_id)
    assert saved
    return saved


async def delete_account(tx: Tx, account_id: int) -> None:
    """Delete an account."""
    await tx.execute("delete from chat_account where id = $1", account_id)


async def pause(tx: Tx, account_id: int, paused_at: datetime | None) -> None:
    """Stop calling an account; nothing calls one yet."""


async def set_state(tx: Tx, account_id: int, state: AccountState, reason: str, now: datetime) -> None:
    """Record whether an account works."""
    await tx.execute("update chat_account set state = $2 where id = $1", account_id, state)


async def note_frame(tx: Tx, account_id: int, now: datetime) -> None:
    """Record that the chat sent something."""


async def want_room(tx: Tx, account_id: int, incident_id: int, *, private: bool) -> Room:
    """Insert the room of an incident."""
    row = await tx.row(
        f"""
        insert into chat_room (account_id, incident_id, external_id, state)
        values ($1, $2, '', 'wanted')
        returning {_ROOM}
        """,
        account_id,
        incident_id,
    )
    assert row
    return _room(row)


async def room_by_channel(tx: Tx, account_id: int, channel: str) -> Room | None:
    """Return the room of a channel, None if the channel is no incident's."""
    row = await tx.row(
        f"""
        select {_ROOM}
        from chat_room
        where account_id = $1
            and external_id = $2
        """,
        account_id,
        channel,
    )
    return _room(row) if row else None


async def change_room(tx: Tx, room_id: int, **changes: Any) -> None:
    """Update the named columns of a room."""
    assert set(changes) <= {"external_id", "name", "state"}
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(f"update chat_room set {assignments} where id = $1", room_id, *changes.values())
