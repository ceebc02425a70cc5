"""Read the runbooks of a mounted directory below the one that the operator names (spec 11.2)."""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from firebell.kit.threads import Pool
from firebell.runbooks.sources.model import (
    FILE_MAX_CHARS,
    FILES_MAX,
    OBJECTS_MAX_BYTES,
    RunbookSource,
    Snapshot,
    SourceFile,
    SyncFailure,
    Unchanged,
)
from firebell.runbooks.sources.sync_plan import decoded, is_read

VISITED_MAX = 200_000
"""Number of files that are looked at."""
_FILE_MAX_BYTES = 4 * FILE_MAX_CHARS
_READS = Pool("runbook directories", size=1, queue=16)


async def read(root: Path | None, source: RunbookSource, now: datetime) -> Snapshot | Unchanged:
    """Return the runbooks of a directory, or that they are what was read last.

    The commit is a digest of all files. Symbolic links are not followed. Raise `SyncFailure` with the reason.
    """
    if root is None:
        raise SyncFailure(
            "FIREBELL_RUNBOOK_DIRECTORY is not set. Set it to the directory that contains this one."
        )
    snapshot = await _READS.run(lambda: _read(root, source, now))
    return Unchanged() if snapshot.commit == source.last_commit else snapshot


def _read(root: Path, source: RunbookSource, now: datetime) -> Snapshot:
    try:
        folder = (root / source.url).resolve(strict=True)
        if not folder.is_relative_to(root.resolve(strict=True)) or not folder.is_dir():
            raise SyncFailure(f"{source.url} is not a directory below FIREBELL_RUNBOOK_DIRECTORY.")
        files = sorted(_files(folder, source), key=lambda f: f.path)
    except OSError as exc:
        raise SyncFailure(f"The directory cannot be read: {exc.strerror or exc}.") from exc
    hashed = hashlib.sha256()
    for file in files:
        text = file.body if file.body is not None else f"\0{file.problem}"
        hashed.update(f"{file.path}\0{len(text)}\0{text}".encode("utf-8", "replace"))
    return Snapshot(hashed.hexdigest()[:40], "", now, "", files)


def _files(folder: Path, source: RunbookSource) -> Iterator[SourceFile]:
    visited = taken = size = 0
    for parent, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            visited += 1
            if visited > VISITED_MAX:
                raise SyncFailure(f"The directory has more than {VISITED_MAX:,} files.")
            file = Path(parent) / name
            path = file.relative_to(folder).as_posix()
            if not is_read(path, source.paths) or file.is_symlink() or not file.is_file():
                continue
            taken += 1
            if taken > FILES_MAX:
                raise SyncFailure(f"More than {FILES_MAX:,} files match the paths.")
            with file.open("rb") as stream:
                data = stream.read(_FILE_MAX_BYTES + 1)
            size += len(data)
            if size > OBJECTS_MAX_BYTES:
                raise SyncFailure(f"The runbooks have more than {OBJECTS_MAX_BYTES // 1024**2} MiB.")
            shown = path.encode("utf-8", "replace").decode()
            if len(data) > _FILE_MAX_BYTES:
                yield SourceFile(shown, None, f"It has more than {FILE_MAX_CHARS:,} characters.")
            else:
                yield decoded(shown, data, FILE_MAX_CHARS)
