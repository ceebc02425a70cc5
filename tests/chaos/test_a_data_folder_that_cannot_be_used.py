"""A data folder that cannot be used ends the start with a clear error and exit code 1, without a stack trace."""

import fcntl
import os
import socket
from pathlib import Path

import pytest

from firebell.kit.db import embedded
from firebell.kit.errors import StartupError
from tests.chaos.product import product
from tests.servers import data_folder, serve, started

pytestmark = pytest.mark.chaos


async def refused(data: Path, *fragments: str) -> None:
    """Start on `data`; the process must exit with this error."""
    async with started(FIREBELL_DATA=str(data)) as server:
        assert await server.ended() == 1
        assert "Traceback" not in server.said
        assert server.said.startswith("Error: ")
        for word in fragments:
            assert word in server.said


async def test_a_file() -> None:
    with data_folder() as data:
        data.write_text("not a directory", encoding="ascii")
        await refused(data, f"{data} is a file", "FIREBELL_DATA")
        await refused(data / "below", f"cannot write to {data / 'below'}", "FIREBELL_DATA")


async def test_a_folder_that_cannot_be_written() -> None:
    # no user, not even root, can make anything here
    await refused(Path("/proc/firebell"), "cannot write to /proc/firebell", "FIREBELL_DATA")


async def test_a_data_folder_with_files_of_another_user_is_refused() -> None:
    if os.geteuid() == 0:
        # root may open everything, save a folder in a file's place
        with data_folder() as data:
            (data / "owner.lock").mkdir(parents=True)
            await refused(data, "owner.lock", "must belong to the user")
    else:
        with data_folder() as data:
            data.mkdir()
            (data / "owner.lock").touch(mode=0o400)
            await refused(data, "owner.lock", "must belong to the user")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
async def test_a_folder_of_root_with_other_things_in_it_is_left_alone() -> None:
    with data_folder() as data:
        data.mkdir(mode=0o755)
        (data / "passwd").touch()
        await refused(data, "contains other files", "directory of its own")
        assert (data.stat().st_uid, data.stat().st_mode & 0o777) == (0, 0o755)


async def test_a_symbolic_link_in_the_data_folder_is_not_followed() -> None:
    with data_folder() as data:
        data.mkdir()
        outside = data.with_name("outside")
        outside.touch(mode=0o600)
        before = outside.stat()
        (data / "owner.lock").symlink_to(outside)
        await refused(data, "owner.lock")
        assert (outside.stat().st_uid, outside.stat().st_size) == (before.st_uid, 0)


async def test_data_of_another_major_version() -> None:
    async with product() as h:
        (h.data / "postgres/PG_VERSION").write_text("15\n", encoding="ascii")
        await refused(h.data, "written by PostgreSQL 15", "includes PostgreSQL 18", "Dump it")
        (h.data / "postgres/PG_VERSION").write_text("18\n", encoding="ascii")
        async with h.serve():
            pass


def test_a_folder_that_another_process_holds_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "OWNER_PATIENCE_S", 0.2)
    with data_folder() as data:
        data.mkdir()
        with (data / "owner.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(StartupError, match="Another process holds") as caught:
                embedded.start(data)
    assert "fuser" in caught.value.hint


async def test_a_path_longer_than_a_socket_address_works() -> None:
    with data_folder() as data:
        async with serve(FIREBELL_DATA=str(data / ("long" * 25) / ("way" * 30))):
            pass


async def test_a_port_that_is_taken() -> None:
    with data_folder() as data, socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with started(FIREBELL_DATA=str(data), FIREBELL_PORT=str(port)) as server:
            assert await server.ended() == 1
            assert f"cannot listen on 127.0.0.1:{port}" in server.said
            assert "Traceback" not in server.said
