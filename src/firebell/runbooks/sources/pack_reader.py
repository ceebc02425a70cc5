"""Read the runbooks of one commit from a pack, in a child process with limits on time and memory (spec 11.2).

Only the contents of regular files are read, from the tree: nothing is checked out, so hooks, filters, symbolic links
and submodules have no effect. The result is written beside the pack, because it can be large.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from dulwich.object_store import DiskObjectStore, iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, Tag, Tree

from firebell.kit.private_files import DIRECTORY_MODE, replace_file
from firebell.runbooks.sources.model import (
    FILE_MAX_CHARS,
    FILES_MAX,
    OBJECTS_MAX_BYTES,
    Snapshot,
    SourceFile,
)
from firebell.runbooks.sources.sync_plan import decoded, is_read

OBJECTS_MAX = 200_000
_FILE_MAX_BYTES = 4 * FILE_MAX_CHARS
_REGULAR = (0o100644, 0o100755, 0o100664)
_HEADER = struct.Struct(">4sII")
_MESSAGE_CHARS = 200


def read_pack(folder: str, commit: str, paths: Sequence[str]) -> str:
    """Write the snapshot of a commit beside its pack; return the reason if that is not possible."""
    try:
        snapshot = _read(Path(folder), commit, paths)
    except _Unreadable as exc:
        return str(exc)
    except MemoryError:
        return "The repository takes too much memory to unpack."
    except Exception as exc:
        # whatever a hostile pack provokes in the parser is a failure of this source only
        return f"The server sent objects that cannot be read: {str(exc)[:200]}"
    replace_file(Path(folder) / "snapshot.json", msgspec.json.encode(snapshot), is_durable=False)
    return ""


class _Unreadable(Exception):  # noqa: N818 - becomes a text
    """The objects cannot be taken."""


def _read(folder: Path, commit: str, paths: Sequence[str]) -> Snapshot:
    data = (folder / "pack").read_bytes()
    if len(data) < _HEADER.size or _HEADER.unpack(data[: _HEADER.size])[0] != b"PACK":
        raise _Unreadable("The server sent no objects.")
    if _HEADER.unpack(data[: _HEADER.size])[2] > OBJECTS_MAX:
        raise _Unreadable(f"The branch has more than {OBJECTS_MAX:,} files and folders.")
    (folder / "objects").mkdir(DIRECTORY_MODE)
    store = DiskObjectStore.init(os.fspath(folder / "objects"))
    try:
        pack, finish, _ = store.add_pack()
        pack.write(data)
        del data
        finish()
        head = _commit(store, ObjectID(commit.encode()))
        return Snapshot(
            commit=head.id.decode(),
            author=head.author.decode("utf-8", "replace").partition(" <")[0][:100] or "unknown",
            at=_instant(head.commit_time),
            message=head.message.decode("utf-8", "replace").strip().partition("\n")[0][:_MESSAGE_CHARS],
            files=list(_files(store, head.tree, paths)),
        )
    finally:
        store.close()


def _commit(store: DiskObjectStore, sha: ObjectID) -> Commit:
    """Return a commit, or the one that an annotated tag names."""
    for _ in range(5):
        named = store[sha]
        if isinstance(named, Commit):
            return named
        if not isinstance(named, Tag):
            break
        sha = named.object[1]
    raise _Unreadable("The ref does not lead to a commit.")


def _instant(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime(1970, 1, 1, tzinfo=UTC)


def _files(store: DiskObjectStore, tree: ObjectID, paths: Sequence[str]) -> Iterator[SourceFile]:
    assert isinstance(store[tree], Tree)
    files = size = 0
    for entry in iter_tree_contents(store, tree, max_depth=100):
        path = (entry.path or b"").decode("utf-8", "replace")
        if entry.mode not in _REGULAR or not is_read(path, paths):
            continue
        files += 1
        if files > FILES_MAX:
            raise _Unreadable(f"More than {FILES_MAX:,} files match the paths. Name a folder in the paths.")
        blob = store[entry.sha or ObjectID(b"")]
        if not isinstance(blob, Blob):
            continue
        data = blob.data
        size += len(data)
        if size > OBJECTS_MAX_BYTES:
            raise _Unreadable(f"The runbooks have more than {OBJECTS_MAX_BYTES // 1024**2} MiB.")
        if len(data) > _FILE_MAX_BYTES:
            yield SourceFile(path, None, f"It has more than {FILE_MAX_CHARS:,} characters.")
        else:
            yield decoded(path, data, FILE_MAX_CHARS)
