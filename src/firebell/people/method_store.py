"""The SQL that restores a contact method and its notification rules."""

from firebell.kit.db import Tx


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
    """Put a removed contact method in force again; return False if it was not removed."""
    done = await tx.execute(
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
    return done == "UPDATE 1"
