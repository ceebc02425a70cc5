"""Organization settings in the database: one JSON value per key."""

import secrets
from typing import Any

from firebell.kit.db.database import Reads, Tx

ORGANIZATION_NAME = "organization"
"""The key of the name of the organization."""


async def get(tx: Reads, key: str, default: Any = None) -> Any:
    """Return the value of `key`, or `default`."""
    row = await tx.row("select value from setting where key = $1", key)
    return default if row is None else row["value"]


async def put(tx: Tx, key: str, value: Any) -> None:
    """Store `value` under `key`."""
    await tx.execute(
        "insert into setting (key, value) values ($1, $2)"
        " on conflict (key) do update set value = excluded.value",
        key,
        value,
    )


async def organization_name(tx: Reads) -> str:
    """Return the name of the organization, blank before setup."""
    return str(await get(tx, ORGANIZATION_NAME, ""))


async def put_once(tx: Tx, key: str, value: Any) -> Any:
    """Store `value` unless the key exists; return the stored value, the same for concurrent callers."""
    await tx.execute(
        "insert into setting (key, value) values ($1, $2) on conflict (key) do nothing", key, value
    )
    return await get(tx, key)


async def installation_secret(tx: Tx) -> bytes:
    """Return the secret of the installation, from which its keys follow; created once."""
    return bytes.fromhex(await put_once(tx, "signing_secret", secrets.token_hex(32)))
