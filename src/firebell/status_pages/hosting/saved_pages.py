"""The files from which a process serves status pages without a database: one for each page, written at each change."""

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import msgspec

from firebell.kit.private_files import replace_file
from firebell.status_pages.archive import Archive
from firebell.status_pages.hosting.model import PageAccess, SavedPage
from firebell.status_pages.maintenance_windows.model import Maintenance
from firebell.status_pages.model import PublicIncident
from firebell.status_pages.snapshot import Snapshot

FORMAT = 1
"""The version of the files; a file of another version is ignored."""
FOLDER = "status"
"""The folder below FIREBELL_DATA."""
_AS_OF = "as-of"
"""The file with the last instant at which every file was known to be up to date."""


class _File(msgspec.Struct):
    format: int
    page: SavedPage


def encode(page: SavedPage) -> bytes:
    """Return a page as bytes."""
    return msgspec.json.encode(_File(FORMAT, page))


def decode(data: bytes) -> SavedPage:
    """Return the page in these bytes; raise `ValueError` if they are not a page of this version."""
    try:
        file = msgspec.json.decode(data, type=_File)
    except msgspec.DecodeError as error:
        raise ValueError(f"This is not a saved status page: {error}") from error
    if file.format != FORMAT:
        raise ValueError(f"The saved status page has the format {file.format}; this version reads {FORMAT}.")
    return file.page


def public_copy(page: SavedPage) -> SavedPage:
    """Return a page without what only the organization knows: authors, incidents, services and access."""
    components = tuple(replace(component, service_ids=()) for component in page.snapshot.components)
    snapshot: Snapshot = replace(
        page.snapshot,
        incidents=_public_incidents(page.snapshot.incidents),
        maintenances=_public_maintenances(page.snapshot.maintenances),
        components=components,
    )
    archive = Archive(
        _public_incidents(page.archive.incidents), _public_maintenances(page.archive.maintenances)
    )
    return replace(page, snapshot=snapshot, archive=archive, access=PageAccess())


def _public_incidents(incidents: Iterable[PublicIncident]) -> tuple[PublicIncident, ...]:
    return tuple(
        replace(
            incident,
            incident_id=None,
            updates=tuple(replace(update, actor="") for update in incident.updates),
        )
        for incident in incidents
    )


def _public_maintenances(maintenances: Iterable[Maintenance]) -> tuple[Maintenance, ...]:
    return tuple(
        replace(
            window,
            created_by=None,
            updates=tuple(replace(update, actor="") for update in window.updates),
        )
        for window in maintenances
    )


def write(folder: Path, page: SavedPage) -> None:
    """Save a page durably; a reader sees the old file or the new one, never a part of it."""
    replace_file(folder / f"{page.snapshot.page.slug}.json", encode(page))


def write_as_of(folder: Path, at: datetime) -> None:
    """Record that every file was up to date at this instant."""
    replace_file(folder / _AS_OF, at.isoformat().encode(), is_durable=False)


def read(folder: Path) -> dict[str, SavedPage]:
    """Return the saved pages by slug, as of the last instant at which they were up to date; skip unreadable files."""
    as_of = _read_as_of(folder)
    pages = {}
    for path in sorted(folder.glob("*.json")):
        with contextlib.suppress(OSError, ValueError):
            page = decode(path.read_bytes())
            pages[page.snapshot.page.slug] = replace(page, as_of=max(page.as_of, as_of or page.as_of))
    return pages


def _read_as_of(folder: Path) -> datetime | None:
    try:
        return datetime.fromisoformat((folder / _AS_OF).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def remove_others(folder: Path, slugs: Iterable[str]) -> None:
    """Remove the files of pages that no longer exist."""
    kept = {f"{slug}.json" for slug in slugs}
    for path in folder.glob("*.json"):
        if path.name not in kept:
            path.unlink(missing_ok=True)
