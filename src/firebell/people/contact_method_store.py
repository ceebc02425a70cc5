"""The SQL of contact methods."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels import registry, sealed_addresses
from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.signing import Signer
from firebell.people.model import ContactMethod, MessagePrivacy, MessageSettings

_METHOD = (
    "id, person_id, kind, address, label, verified_at, disabled_at, suspect_since, unusable_since, exempt,"
    " replaces, test_at, test_result, language, privacy"
)
_METHOD_FIELDS = tuple(_METHOD.split(", "))


def to_method(row: Row) -> ContactMethod:
    fields = {name: row[name] for name in _METHOD_FIELDS}
    fields["privacy"] = MessagePrivacy(row["privacy"])
    return ContactMethod(**fields, shown_address=registry.shown_address(row["kind"], row["address"]))


async def sealed(tx: Tx, address: str) -> str:
    """Return the sealed form of an address, which only this installation can read."""
    return sealed_addresses.seal(Signer(await org_settings.installation_secret(tx)), address)


async def insert_method(
    tx: Tx,
    person_id: int,
    kind: str,
    address: str,
    label: str,
    now: datetime,
    signing_secret: bytes | None = None,
    replaces: int | None = None,
) -> ContactMethod | None:
    """Insert and return an unverified contact method, also if it was removed before; None if it is in use.

    Its messages read as those of the one that it replaces, or else in the language of the person's latest one.
    """
    row = await tx.row(
        f"""
        insert into contact_method (
            person_id, kind, address, label, created_at, signing_secret, replaces, language, privacy
        )
        select
            $1, $2, $3, $4, $5, $6, $7::bigint,
            coalesce(
                (
                    select language
                    from contact_method
                    where person_id = $1
                        and disabled_at is null
                    order by id is not distinct from $7::bigint desc, id desc
                    limit 1
                ),
                'en'
            ),
            coalesce((select privacy from contact_method where id = $7::bigint and person_id = $1), 'full')
        on conflict (person_id, kind, address) do update
        set disabled_at = null, verified_at = null, suspect_since = null, unusable_since = null, exempt = false,
            created_at = excluded.created_at, label = excluded.label, replaces = excluded.replaces,
            test_at = null, test_result = null, language = excluded.language, privacy = excluded.privacy,
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
        replaces,
    )
    return to_method(row) if row else None


async def signing_secrets(
    tx: Reads, method_ids: Sequence[int], now: datetime
) -> dict[int, tuple[bytes, ...]]:
    """Return the signing secrets of each webhook: the current one, then the previous one while it is in force."""
    rows = await tx.fetch(
        """
        select
            id,
            signing_secret,
            case when previous_until > $2 then previous_secret end as previous_secret
        from contact_method
        where id = any($1::bigint[]) and signing_secret is not null
        """,
        list(method_ids),
        now,
    )
    return {
        row["id"]: tuple(s for s in (row["signing_secret"], row["previous_secret"]) if s is not None)
        for row in rows
    }


async def message_settings(tx: Reads, method_ids: Sequence[int]) -> dict[int, MessageSettings]:
    """Return how messages read at each contact method that there is, also at one that was removed."""
    rows = await tx.fetch(
        """
        select id, language, privacy
        from contact_method
        where id = any($1::bigint[])
        """,
        list(method_ids),
    )
    return {row["id"]: MessageSettings(row["language"], MessagePrivacy(row["privacy"])) for row in rows}


async def set_message_settings(tx: Tx, method_id: int, settings: MessageSettings) -> None:
    await tx.execute(
        """
        update contact_method
        set language = $2, privacy = $3
        where id = $1
        """,
        method_id,
        settings.language,
        settings.privacy,
    )


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


async def methods(tx: Reads, person_ids: Sequence[int]) -> list[ContactMethod]:
    """Return the contact methods in use of these people, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_METHOD}
        from contact_method
        where person_id = any($1::bigint[]) and disabled_at is null
        order by id
        """,
        list(person_ids),
    )
    return [to_method(row) for row in rows]


async def method(tx: Tx, method_id: int) -> ContactMethod | None:
    row = await tx.row(f"select {_METHOD} from contact_method where id = $1", method_id)
    return to_method(row) if row else None


async def methods_at(tx: Tx, kind: str, address: str) -> list[ContactMethod]:
    """Return the contact methods in use that have an address, which several people may share."""
    rows = await tx.fetch(
        f"""
        select {_METHOD}
        from contact_method
        where kind = $1
            and address = $2
            and disabled_at is null
        order by id
        """,
        kind,
        address,
    )
    return [to_method(row) for row in rows]


async def set_address(tx: Tx, method_id: int, address: str) -> None:
    """Set the address of a contact method; one that was removed and has it is deleted, with nothing left to undo."""
    await tx.execute(
        """
        delete from contact_method removed
        using contact_method renewed
        where renewed.id = $1
            and removed.person_id = renewed.person_id
            and removed.kind = renewed.kind
            and removed.address = $2
            and removed.disabled_at is not null
        """,
        method_id,
        address,
    )
    await tx.execute("update contact_method set address = $2 where id = $1", method_id, address)


async def disable_method(tx: Tx, method_id: int, now: datetime) -> None:
    await tx.execute("update contact_method set disabled_at = $2 where id = $1", method_id, now)
    await tx.execute("delete from notification_rule where method_id = $1", method_id)


async def rules_of_method(tx: Tx, method_id: int) -> list[tuple[str, int]]:
    """Return (urgency, delay in seconds) of each rule that uses the method."""
    rows = await tx.fetch(
        """
        select urgency, delay_s
        from notification_rule
        where method_id = $1
        order by id
        """,
        method_id,
    )
    return [(row["urgency"], row["delay_s"]) for row in rows]


async def enable_method(tx: Tx, person_id: int, method_id: int) -> bool:
    """Restore a removed contact method; return False if it is not removed."""
    changed = await tx.changed(
        """
        update contact_method
        set disabled_at = null
        where id = $2
            and person_id = $1
            and disabled_at is not null
        """,
        person_id,
        method_id,
    )
    return changed == 1


async def signing_secret(tx: Tx, person_id: int, method_id: int) -> bytes | None:
    """Return the signing secret of a webhook of the person; None if there is none."""
    secret: bytes | None = await tx.value(
        """
        select signing_secret
        from contact_method
        where id = $2
            and person_id = $1
            and disabled_at is null
        """,
        person_id,
        method_id,
    )
    return secret


async def move_demo_phones(tx: Tx, address: str) -> None:
    """Set the address of the webhook that is each person's phone in the demo: its port changes with each start."""
    await tx.execute(
        """
        update contact_method
        set address = $1
        where id in (
            select min(id)
            from contact_method
            where kind = 'webhook'
                and address ~ '^http://127[.]0[.]0[.]1:[0-9]+/phone$'
            group by person_id
        )
        """,
        address,
    )
