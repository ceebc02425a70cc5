"""The names that a post-mortem may mention."""

from firebell.kit.db.database import Tx
from firebell.people import actions as people


async def names(tx: Tx) -> frozenset[str]:
    """Return the names of everyone who has an account or had one, and their handles."""
    everyone = await people.people(tx)
    return frozenset(
        name for person in everyone for name in (person.name, person.email.partition("@")[0]) if name
    )
