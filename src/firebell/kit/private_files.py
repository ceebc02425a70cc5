"""Files and directories that only the user who runs Firebell may open."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import IO

from firebell.kit.errors import StartupError

FILE_MODE = 0o600
DIRECTORY_MODE = 0o700
_PUBLIC_FILE_MODE = 0o644
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def open_private(path: Path, mode: str) -> IO[str]:
    """Open a text file in a private directory with mode 0600, regardless of its previous mode and the umask.

    Refuses a symbolic link, which could lead root out of the directory.
    """
    file = open(  # noqa: SIM115 - the caller closes it
        path, mode, encoding="utf-8", opener=lambda p, flags: os.open(p, flags | os.O_NOFOLLOW, FILE_MODE)
    )
    try:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) != FILE_MODE:
            os.fchmod(file.fileno(), FILE_MODE)
    except BaseException:
        file.close()
        raise
    return file


def create_private(path: Path) -> IO[bytes]:
    """Open a new binary file with mode 0600; raises FileExistsError if there is one."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE_MODE), "wb")


def write_private(path: Path, text: str, *, newline: str | None = None) -> None:
    """Write a file that the user named; a new one gets mode 0600, an existing one keeps its mode."""
    with open(
        path,
        "w",
        encoding="utf-8",
        newline=newline,
        opener=lambda p, flags: os.open(p, flags, FILE_MODE),
    ) as file:
        file.write(text)


def write_private_bytes(path: Path, content: bytes) -> None:
    """Write a binary file that the user named; a new one gets mode 0600, an existing one keeps its mode."""
    with open(path, "wb", opener=lambda p, flags: os.open(p, flags, FILE_MODE)) as file:
        file.write(content)


def replace_file(path: Path, data: bytes, *, is_durable: bool = True, is_public: bool = False) -> None:
    """Write a file and its directory so that a reader has the old content or the new one, never a part of it.

    Both are private, unless `is_public` says that another program serves them.
    """
    if is_public:
        path.parent.mkdir(parents=True, exist_ok=True)
    else:
        path.parent.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            if is_public:
                os.fchmod(descriptor, _PUBLIC_FILE_MODE)
            file.write(data)
            if is_durable:
                file.flush()
                os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def tighten_directory(path: Path, owner: int) -> None:
    """Set mode 0700 on a directory of user `owner`; raise `StartupError` if it belongs to someone else."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(descriptor)
        if status.st_uid != owner:
            raise StartupError(
                f"{path} belongs to another user (uid {status.st_uid}), who could take over the database.",
                hint="Set FIREBELL_DATA to a directory of its own, for example one inside it; a new one is made.",
            )
        if stat.S_IMODE(status.st_mode) & _OTHERS:
            os.fchmod(descriptor, DIRECTORY_MODE)
    finally:
        os.close(descriptor)
