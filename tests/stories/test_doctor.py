"""Story: `firebell doctor` finds what would keep a page from arriving, and says what to do."""

import asyncio
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from firebell.commands.doctor import check_descriptors, check_proxy
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.db.migrate import available
from firebell.people import actions as people
from firebell.process import running
from tests import prefork
from tests.servers import data_folder, free_port, listening, mail_server
from tests.world import World, settings, world


async def healthy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer as an ntfy server does when it is asked how it is."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 16\r\n\r\n{"healthy":true}')
    await writer.drain()
    writer.close()


async def doctor(dsn: str, *options: str, **env: str) -> tuple[int, str]:
    """Run `firebell doctor` and return its exit code and what it printed."""
    code, out, err = await prefork.run("doctor", *options, env={**os.environ, "DATABASE_URL": dsn, **env})
    assert "Traceback" not in err
    return code, out


async def findings(dsn: str, **env: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Return the exit code, and per check the worst level with its text."""
    code, out = await doctor(dsn, "--json", **env)
    answer: dict[str, Any] = json.loads(out)
    assert answer["ok"] == (code == 0)
    results: dict[str, tuple[str, str]] = {}
    for one in answer["findings"]:
        if one["check"] not in results or results[one["check"]][0] == "ok":
            results[one["check"]] = (one["level"], one["text"])
    return code, results


async def test_a_low_limit_of_descriptors_is_a_warning() -> None:
    assert check_descriptors(1024).level == "warn"
    assert check_descriptors(65536).level == "ok"


async def execute(w: World, sql: str, *args: object) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(sql, *args)


@pytest.mark.parametrize(
    ("addresses", "trusted", "level"),
    [
        ([("172.18.0.3", 5, 3)], "127.0.0.1", "warn"),
        ([("fd00::3", 5, 3)], "127.0.0.1", "warn"),
        ([("172.18.0.3", 5, 3)], "127.0.0.1, 172.18.0.3", "ok"),
        ([("172.18.0.3", 5, 3), ("172.18.0.4", 1, 1)], "127.0.0.1", "ok"),
        ([("172.18.0.3", 5, 1)], "127.0.0.1", "ok"),
        ([("127.0.0.1", 5, 3)], "", "ok"),
        ([("8.8.8.8", 5, 3)], "", "ok"),
        ([], "", "ok"),
    ],
)
def test_a_proxy_that_hides_everyone_is_found(
    addresses: list[tuple[str, int, int]], trusted: str, level: str
) -> None:
    assert check_proxy(addresses, trusted).level == level


async def test_doctor_passes_when_everything_works(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w, listening(healthy) as ntfy:
        await execute(w, "update contact_method set verified_at = now()")
        async with w.ctx.db.tx() as tx:
            await people.add_contact_method(
                tx,
                Actor("system", "Test"),
                person_id=w.mara,
                kind="ntfy",
                address=f"http://127.0.0.1:{ntfy}/mara",
                label="",
                now=w.now,
            )
        env = {
            "FIREBELL_ALLOWED_NETWORKS": "127.0.0.0/8",
            "FIREBELL_BASE_URL": "https://firebell.example.org",
        }
        async with mail_server(object()) as port:
            env["FIREBELL_SMTP_URL"] = f"smtp://127.0.0.1:{port}"
            code, results = await findings(dsn, **env)
            _, text = await doctor(dsn, **env)
        assert code == 0
        levels = {check: level for check, (level, _) in results.items() if level != "ok"}
        assert levels == {"watched": "warn"}, "nothing outside notices when this installation stops"
        assert set(results) == {
            *(
                "database",
                "schema",
                "write",
                "size",
                "clock",
                "timers",
                "reactions",
                "descriptors",
                "messages",
            ),
            *(
                "catch-all",
                "people",
                "contact methods",
                "on call",
                "policies",
                "proxy",
                "mail",
                "ntfy",
                "links",
                "watched",
            ),
        }
        assert "ok    PostgreSQL 18 answers." in text


async def test_doctor_detects_what_would_keep_a_page_from_arriving(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await execute(w, "delete from catch_all where person_id = $1", w.jun)
        await execute(w, "delete from layer")
        hour_ago = datetime.now(UTC) - timedelta(hours=1)
        await execute(
            w, "insert into due (kind, key, due_at, attempts, last_error) values ('x', 'y', $1, 3, 'no luck')", hour_ago
        )  # fmt: skip
        await execute(
            w,
            "insert into outbox (reaction, payload, created_at, run_at, dead_at, last_error)"
            " values ('x', '{}', $1, $1, $1, 'no chat')",
            hour_ago,
        )
        async with w.ctx.db.tx() as tx:
            await people.add_contact_method(
                tx,
                Actor("system", "Test"),
                person_id=w.mara,
                kind="ntfy",
                address="http://10.0.0.1/mara",
                label="",
                now=w.now,
            )
        code, results = await findings(
            dsn, FIREBELL_SMTP_URL=f"smtp://127.0.0.1:{free_port()}", FIREBELL_ALLOWED_NETWORKS=""
        )
        assert code == 1
        assert results["catch-all"][0] == "warn"
        assert results["people"][0] == "warn"
        assert "Jun Okafor, Mara Lindqvist" in results["people"][1]
        assert results["on call"][0] == "warn"
        assert "Payments primary" in results["on call"][1]
        assert results["timers"][0] == "fail"
        assert results["reactions"][0] == "warn"
        assert "no chat" in results["reactions"][1]
        assert results["mail"][0] == "fail"
        assert results["ntfy"][0] == "fail"
        assert "private address" in results["ntfy"][1]
        assert "FIREBELL_BASE_URL" in results["links"][1]


async def test_doctor_mail_signs_in_sends_a_test_and_reads_what_arrived(dsn: str, tmp_path: Path) -> None:
    class Inbox:
        mails: ClassVar[list[bytes]] = []

        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            assert isinstance(envelope.content, bytes)
            self.mails.append(envelope.content)
            return "250 OK"

    def decide(*args: Any) -> AuthResult:
        return AuthResult(success=args[-1].password == b"right")

    async with mail_server(Inbox(), authenticator=decide, auth_require_tls=False) as port:
        env = {"FIREBELL_MAIL_FROM": "Kestrel <status@localhost>"}
        for password, code in (("right", 0), ("wrong", 1)):
            env["FIREBELL_SMTP_URL"] = f"smtp://me:{password}@127.0.0.1:{port}"
            got, out = await doctor(dsn, "mail", "--json", "--to", "me@example.org", **env)
            levels = {each["check"]: each["level"] for each in json.loads(out)["findings"]}
            assert (got, levels["sign-in"], levels["encryption"]) == (code, ("ok", "fail")[code], "warn")
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in Inbox.mails[0]
    received = tmp_path / "test.eml"
    received.write_bytes(Inbox.mails[0])
    got, out = await doctor(dsn, "mail", "--json", "--received", str(received), **env)
    levels = {each["check"]: each["level"] for each in json.loads(out)["findings"]}
    assert (got, levels["mail server"], levels["DKIM"], levels["sender"]) == (1, "fail", "fail", "warn")


async def test_a_mail_server_that_refuses_the_sign_in_is_reported(dsn: str) -> None:
    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    async with mail_server(object(), authenticator=refuse, auth_require_tls=False) as port:
        _, results = await findings(dsn, FIREBELL_SMTP_URL=f"smtp://bell:wrong@127.0.0.1:{port}")
    assert results["mail"][0] == "fail"
    assert "535" in results["mail"][1]
    assert "wrong" not in results["mail"][1]


async def test_a_database_that_cannot_be_reached_is_a_finding_among_others(dsn: str) -> None:
    for address in (
        f"postgresql://127.0.0.1:{free_port()}/firebell",
        "nonsense",
        dsn.replace("test_", "no_"),
    ):
        code, results = await findings(address)
        assert code == 1
        assert results["database"][0] == "fail"
        assert "The database cannot be used" in results["database"][1]
        assert "Check DATABASE_URL" in results["database"][1]
        assert "mail" in results


async def test_doctor_creates_nothing_where_nothing_was_started() -> None:
    with data_folder() as data:
        code, results = await findings("", FIREBELL_DATA=str(data))
        assert code == 1
        assert f"There is no database in {data}" in results["database"][1]
        assert "FIREBELL_DATA" in results["database"][1]
        assert not data.exists()


async def test_a_database_of_a_newer_version_is_detected_and_left_alone(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        newer = available()[-1].version + 1
        await execute(w, "insert into schema_migration (version, name) values ($1, 'later')", newer)
        code, results = await findings(dsn)
    assert code == 1
    assert results["schema"][0] == "fail"
    assert "Upgrade Firebell" in results["schema"][1]


async def test_a_database_that_cannot_store_is_detected(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        name = dsn.partition("?")[0].rpartition("/")[2]
        await execute(w, f"alter database {name} set default_transaction_read_only = on")
        code, results = await findings(dsn)
    assert code == 1
    assert results["database"][0] == "ok"
    assert results["write"][0] == "fail"
    assert "read-only" in results["write"][1]


async def test_a_database_of_edited_migrations_is_detected(dsn: str) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await execute(w, "update schema_migration set sha256 = sha256('edited') where version = 6")
        code, results = await findings(dsn)
    assert code == 1
    assert results["schema"][0] == "fail"
    assert "006_paging.sql" in results["schema"][1]


async def test_the_disk_and_the_owner_of_an_embedded_database_are_looked_at() -> None:
    with data_folder() as data:
        async with running(settings(data=data)):
            _, results = await findings("", FIREBELL_DATA=str(data))
        assert results["space"][0] in ("ok", "warn")
        assert results["owner"][0] == ("warn" if data.owner() == "nobody" else "ok")
