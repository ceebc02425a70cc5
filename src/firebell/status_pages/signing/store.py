"""The SQL of the keys with which status pages sign their logs."""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.status_pages.published_log.chain import ChainedKey, KeyEntry
from firebell.status_pages.signing.model import PublishedKey, SigningKey, encoded_key


async def _sealer(tx: Tx) -> Sealer:
    return Sealer(await org_settings.installation_secret(tx), "status_page.signing_key")


def _context(page_id: int, public_key: bytes) -> str:
    return f"{page_id}/{public_key.hex()}"


async def present(tx: Tx, page_id: int) -> Ed25519PrivateKey | None:
    """Return the key that signs what a page publishes now, None if it has none yet."""
    row = await tx.row(
        """
        select public_key, private_key
        from status_page_signing_key
        where status_page_id = $1
            and private_key is not null
        """,
        page_id,
    )
    if row is None:
        return None
    sealed, context = row["private_key"], _context(page_id, row["public_key"])
    return Ed25519PrivateKey.from_private_bytes((await _sealer(tx)).open(sealed, context))


async def insert(
    tx: Tx,
    page_id: int,
    key: Ed25519PrivateKey,
    first_seq: int,
    actor: str,
    now: datetime,
    *,
    announcement: ChainedKey | None = None,
    reason: str = "",
) -> None:
    """Store a key that signs from the entry `first_seq` on, with the entry of the log that announces it."""
    public_key = key.public_key().public_bytes_raw()
    sealed = (await _sealer(tx)).seal(key.private_bytes_raw(), _context(page_id, public_key))
    await tx.execute(
        """
        insert into status_page_signing_key (
            status_page_id, public_key, private_key, first_seq, created_at, actor, reason, chain_seq, prev_hash,
            hash, signature
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """,
        page_id,
        public_key,
        sealed,
        first_seq,
        now,
        actor,
        reason,
        announcement.entry.seq if announcement else None,
        announcement.prev if announcement else None,
        announcement.hash if announcement else None,
        announcement.signature if announcement else None,
    )


async def erase_private_key(tx: Tx, page_id: int) -> None:
    """Erase the private key of a page, which then signs nothing until it has another one."""
    await tx.execute(
        """
        update status_page_signing_key
        set private_key = null
        where status_page_id = $1
            and private_key is not null
        """,
        page_id,
    )


async def keys(tx: Reads, page_id: int) -> list[SigningKey]:
    """Return the keys of a page, oldest first."""
    rows = await tx.fetch(
        """
        select public_key, private_key is not null as is_present, first_seq, created_at, actor, reason
        from status_page_signing_key
        where status_page_id = $1
        order by first_seq
        """,
        page_id,
    )
    return [
        SigningKey(
            PublishedKey(encoded_key(row["public_key"]), row["first_seq"], row["created_at"]),
            row["actor"],
            row["reason"],
            row["is_present"],
        )
        for row in rows
    ]


async def announcements(tx: Reads, page_id: int) -> list[tuple[ChainedKey, str]]:
    """Return the entries of a page's log that announce keys, oldest first, each with its reason."""
    rows = await tx.fetch(
        """
        select p.slug, k.chain_seq, k.public_key, k.created_at, k.prev_hash, k.hash, k.signature, k.reason
        from status_page_signing_key k
        join status_page p on p.id = k.status_page_id
        where k.status_page_id = $1
            and k.chain_seq is not null
        order by k.chain_seq
        """,
        page_id,
    )
    return [
        (
            ChainedKey(
                KeyEntry(row["slug"], row["chain_seq"], encoded_key(row["public_key"]), row["created_at"]),
                row["prev_hash"],
                row["hash"],
                row["signature"],
            ),
            row["reason"],
        )
        for row in rows
    ]
