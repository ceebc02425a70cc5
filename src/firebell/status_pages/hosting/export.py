"""A status page as files, in the order in which a copy is written: what pages refer to first, `as-of.json` last."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from firebell.kit.private_files import replace_file
from firebell.kit.web import static_files
from firebell.status_pages import archive, view
from firebell.status_pages.archive import Archive, ArchiveKey
from firebell.status_pages.hosting import saved_pages
from firebell.status_pages.hosting.model import SavedPage
from firebell.status_pages.model import PageVisibility
from firebell.status_pages.public.rendered_documents import (
    ASSETS,
    HTML,
    JSON,
    StatusDocuments,
    asset_path,
    document,
)
from firebell.status_pages.signing import key_document
from firebell.status_pages.signing.model import KEY_PATH

SAVED_FILE = "saved-page.json"
"""The file of an export from which `firebell statuspage serve` serves it; without what only the organization knows."""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One file of an export; `path` is relative to its folder."""

    path: str
    body: bytes
    media_type: str
    etag: str


def is_exportable(page: SavedPage) -> bool:
    """Return False for a private page: a copy could be read by anyone."""
    return page.snapshot.page.visibility is not PageVisibility.PRIVATE


def files(page: SavedPage, url: str = "") -> Iterator[ExportedFile]:
    """Yield the files of a page: the bytes that Firebell serves for a page at `url`, its own address by default."""
    assert is_exportable(page)
    page = saved_pages.public_copy(replace(page, url=url.rstrip("/") or page.url))
    documents = StatusDocuments(
        view.build(page.snapshot, page.as_of),
        urlsplit(page.url).path,
        page.url,
        page.theme,
        page.subscribe_url,
        dict(_archived(page)),
    )
    for name, media_type in ASSETS.items():
        yield _file(asset_path(name), static_files.read(name), media_type)
    yield _file("/history.jsonl", page.log.encode(), "application/x-ndjson; charset=utf-8")
    yield _file(KEY_PATH, key_document.document(page.snapshot.page.slug, page.keys).encode(), JSON)
    badge = documents.badge("")
    assert badge is not None
    yield ExportedFile("badge.svg", badge.body, badge.media_type, badge.etag)
    # when it was up to date is in as-of.json alone, so that nothing else changes each minute
    unchanged = replace(page, as_of=page.snapshot.page.created_at)
    yield _file(f"/{SAVED_FILE}", saved_pages.encode(unchanged), JSON)
    for path in documents.paths():
        rendered = documents.get(path)
        assert rendered is not None, path
        is_page = rendered.media_type == HTML
        yield ExportedFile(
            f"{path}/index.html".lstrip("/") if is_page else path.lstrip("/"),
            rendered.body,
            rendered.media_type,
            rendered.etag,
        )
    as_of = documents.get("/as-of.json")
    assert as_of is not None
    yield ExportedFile("as-of.json", as_of.body, as_of.media_type, as_of.etag)


def _archived(page: SavedPage) -> Iterator[tuple[ArchiveKey, Archive]]:
    tz, saved = page.snapshot.page.tz, page.archive
    for month in archive.months(page.snapshot, page.as_of):
        yield month, saved.get(month, tz)
    for incident in saved.incidents:
        yield incident.public_id, Archive((incident,))
    for window in saved.maintenances:
        yield window.public_id, Archive((), (window,))


def _file(path: str, body: bytes, media_type: str) -> ExportedFile:
    made = document(body, media_type)
    return ExportedFile(path.lstrip("/"), body, media_type, made.etag)


def write(page: SavedPage, folder: Path, url: str = "") -> list[str]:
    """Write the files of a page that changed below a folder, each in one step; return their paths."""
    written = []
    for file in files(page, url):
        target = folder / file.path
        if not target.is_file() or target.read_bytes() != file.body:
            replace_file(target, file.body, is_durable=False, is_public=True)
            written.append(file.path)
    return written


def read(folder: Path) -> SavedPage:
    """Return the page of an export, as of its `as-of.json`; raise `OSError` and `ValueError`."""
    page = saved_pages.decode((folder / SAVED_FILE).read_bytes())
    as_of = msgspec.json.decode((folder / "as-of.json").read_bytes(), type=dict[str, str])["as_of"]
    return replace(page, as_of=datetime.fromisoformat(as_of))
