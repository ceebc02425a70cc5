"""The SQL that reads alerts that flap; ingest writes them."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from firebell.alerts.flap import Flap
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads


@dataclass(frozen=True, slots=True)
class FlappingAlert:
    """An alert that flaps."""

    integration_id: int
    dedup_key: str
    service_id: int
    title: str
    severity: str | None
    labels: dict[str, str]
    flap: Flap


async def flapping(tx: Reads, keys: Sequence[tuple[int, str]]) -> list[FlappingAlert]:
    """Return those of the alerts with these integrations and deduplication keys that flap, in order."""
    rows = await tx.fetch(
        """
        select
            alert.integration_id, alert.dedup_key,
            coalesce(alert.routed_service_id, integration.service_id) as service_id,
            alert.title, alert.severity, alert.labels, alert.flap
        from unnest($1::bigint[], $2::text[]) as wanted (integration_id, dedup_key)
        join alert on alert.integration_id = wanted.integration_id
            and alert.dedup_key = wanted.dedup_key
        join integration on integration.id = alert.integration_id
        where alert.status = 'firing'
            and alert.flap ? 'since'
        order by alert.integration_id, alert.dedup_key
        """,
        *transpose(keys, 2),
    )
    return [FlappingAlert(**{**dict(row), "flap": msgspec.convert(row["flap"], Flap)}) for row in rows]
