"""The SQL that undo needs: of contact methods with their rules, API keys and team members."""

from datetime import datetime

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


async def restore_key(tx: Tx, key_id: int, revoked_at: datetime) -> bool:
    """Put an API key in force that was revoked at this instant; return False if its owner is not active."""
    done = await tx.execute(
        """
        update api_key
        set revoked_at = null
        from person owner
        where api_key.id = $1
          and api_key.revoked_at = $2
          and owner.id = api_key.person_id
          and owner.active
        """,
        key_id,
        revoked_at,
    )
    return done == "UPDATE 1"


async def team_roles(tx: Tx, team_id: int) -> list[tuple[int, str]]:
    """Return (person id, member|manager) of everyone in a team."""
    rows = await tx.fetch(
        """
        select person_id, role
        from team_member
        where team_id = $1
        order by person_id
        """,
        team_id,
    )
    return [(row["person_id"], row["role"]) for row in rows]


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
