"""The SQL of accounts and rooms."""

from firebell.chat.model import Account, AccountSecrets, Room
from firebell.kit.db.database import Tx

_ACCOUNT = "id, kind, external_id, name, mode, bot_user, scopes, state"
_ROOM = "id, account_id, incident_id, external_id, name, state"


async def accounts(tx: Tx, kind: str) -> list[Account]:
    """Return the accounts of one kind of chat."""
    rows = await tx.fetch(f"select {_ACCOUNT} from chat_account where kind = $1 order by id", kind)
    return [Account(**{**dict(row), "scopes": tuple(row["scopes"])}) for row in rows]


async def account_by_external_id(tx: Tx, kind: str, external_id: str) -> Account | None:
    """Return the account of a workspace, None if it is not connected."""
    return next((a for a in await accounts(tx, kind) if a.external_id == external_id), None)


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
    return Room(**dict(row)) if row else None
