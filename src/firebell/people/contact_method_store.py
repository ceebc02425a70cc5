"""The SQL that restores contact methods with their rules, and of what only webhooks have."""

from firebell.kit.db.database import Tx


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
