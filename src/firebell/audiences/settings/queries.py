"""Read models of the settings of audiences: those in force, and those of an incident."""

from collections.abc import Sequence

from firebell.audiences import store
from firebell.audiences.model import AudienceSettings, SettingsVersion
from firebell.audiences.settings import defaults
from firebell.audiences.settings import document as settings_document
from firebell.kit.db.database import Tx


async def in_force(tx: Tx) -> tuple[AudienceSettings, SettingsVersion | None]:
    """Return the audiences in force, and who put them in force; None for the shipped ones."""
    latest = await store.latest(tx)
    if latest is None:
        return defaults.SHIPPED, None
    applied, document = latest
    return settings_document.from_document(document, applied.version), applied


async def of_incidents(tx: Tx, incident_ids: Sequence[int]) -> dict[int, AudienceSettings]:
    """Return the audiences of each incident that has clocks."""
    current, _ = await in_force(tx)
    versions = await store.incident_versions(tx, incident_ids)
    documents = await store.documents(tx, list(set(versions.values()))) if versions else {}
    by_version = {
        version: settings_document.from_document(document, version) for version, document in documents.items()
    }
    return {
        incident_id: settings_document.of_incident(by_version.get(version, defaults.SHIPPED), current)
        for incident_id, version in versions.items()
    }


async def of_incident(tx: Tx, incident_id: int) -> AudienceSettings:
    """Return the audiences that an incident can send to, also one that was declared before an upgrade."""
    own = await of_incidents(tx, [incident_id])
    return own[incident_id] if incident_id in own else (await in_force(tx))[0]
