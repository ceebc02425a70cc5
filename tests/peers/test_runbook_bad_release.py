"""The rollback runbook against git, folders of releases and nginx."""

from pathlib import Path

import pytest

from tests.peers.runbooks import Shell, command, own, place, program, runbook, server
from tests.servers import answers, free_port

pytestmark = pytest.mark.peers

BOOK = runbook("bad-release")
ASK, SWITCH, VERIFY = "3. Ask whether", "5. Roll back", "Verification"


def releases(folder: Path) -> Path:
    """Create two releases with the bad one in use, as a deployment leaves them."""
    app = folder / "app"
    for made in (app, app / "releases", app / "releases" / "build-1", app / "releases" / "build-2"):
        made.mkdir()
        own(made)
    for name in ("build-1", "build-2"):
        (app / "releases" / name / "version").write_text(name, encoding="ascii")
    (app / "current").symlink_to("releases/build-2")
    return app


async def test_the_switch_happens_once_can_be_undone_and_refuses_what_is_not_there() -> None:
    with place() as folder:
        app = releases(folder)
        shell = Shell(folder, {"APP_DIR": str(app), "GOOD": "build-1"})
        switch = command(BOOK, SWITCH, "rolled-back-from")
        assert (await shell(switch)).out == "now on build-1, was on build-2\n"
        assert (await shell(switch)).out == "already on build-1, nothing changed\n"
        kept = (app / "rolled-back-from").read_text("ascii").strip()
        assert kept == "build-2", "a second run must not overwrite where it came from"
        assert (await shell(switch, GOOD=kept)).out == "now on build-2, was on build-1\n"

        refused = await shell(switch, code=1, GOOD="build-9")
        assert "STOP: there is no release build-9" in refused.err
        (app / "current").unlink()
        (app / "current").mkdir()
        own(app / "current")
        assert "is not a link" in (await shell(switch, code=1)).err


async def test_a_migration_between_the_releases_and_an_unknown_release_stop_the_rollback() -> None:
    with place() as folder:
        shell = Shell(folder, {"MIGRATIONS": "db/migrations", "GOOD": "build-1", "BAD": "build-2"})
        await shell(
            "git init -q . && git config user.email a@example.org && git config user.name A && "
            "mkdir -p db/migrations && echo a >app && git add . && git commit -qm 1 && git tag build-1 && "
            "echo b >app && git commit -qam 2 && git tag build-2 && "
            "echo 'alter table' >db/migrations/7.sql && git add . && git commit -qm 3 && git tag build-3"
        )
        ask = command(BOOK, ASK, "git diff")
        assert "roll back" in (await shell(ask)).out
        assert "db/migrations/7.sql" in (await shell(ask, code=1, BAD="build-3")).err
        assert "STOP" in (await shell(ask, code=1, GOOD="build-0")).err


async def test_the_verification_counts_instances_that_run_another_release_or_do_not_answer() -> None:
    with place() as folder:
        app, port = releases(folder), free_port()
        run = folder / "run"
        run.mkdir()
        own(run)
        temp = " ".join(
            f"{n}_temp_path {run}/{n};" for n in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"pid {run}/pid; error_log {run}/error.log; events {{}}\nhttp {{ {temp} access_log off;\n"
            f"server {{ listen 127.0.0.1:{port}; root {app}/current; }} }}\n",
            encoding="utf-8",
        )
        nginx = program("nginx", "nginx")
        async with server(nginx, "-c", f"{folder}/nginx.conf", "-g", "daemon off;", folder=folder):
            address = f"http://127.0.0.1:{port}/version"
            await answers(address)
            shell = Shell(folder, {"APP_DIR": str(app), "GOOD": "build-1", "INSTANCES": address})
            verify = command(BOOK, VERIFY, "INSTANCES")
            before = await shell(verify, code=1)
            assert f"{address}: build-2" in before.out
            assert "STOP: 1 of the instances" in before.err
            await shell(command(BOOK, SWITCH, "rolled-back-from"))
            assert f"{address}: build-1" in (await shell(verify)).out
            dead = f"http://127.0.0.1:{free_port()}/version"
            assert "no answer" in (await shell(verify, code=1, INSTANCES=f"{address} {dead}")).out
