"""The SQL that asks for real incidents of SEV0 and SEV1."""

from firebell.kit.db.database import Tx

_MAJOR = """
    not drill
    and not backfilled
    and severity <= 1
    and phase in ('declared', 'investigating', 'mitigating', 'resolved')
"""


async def is_open(tx: Tx, incident_id: int) -> bool:
    """Return True if this is a real SEV0 or SEV1 with impact."""
    return bool(
        await tx.value(f"select exists (select from incident where id = $1 and {_MAJOR})", incident_id)
    )


async def any_open(tx: Tx) -> bool:
    """Return True if a real SEV0 or SEV1 has impact now; private ones count too."""
    return bool(await tx.value(f"select exists (select from incident where {_MAJOR})"))
