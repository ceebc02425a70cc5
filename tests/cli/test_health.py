"""The command line shows what is wrong with single processes, and on which host."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server


async def test_health_show_names_the_host_of_a_process_that_is_broken(dsn: str, tmp_path: Path) -> None:
    now = datetime.now(UTC)
    async with at_a_server(dsn, FakeClock(now), tmp_path) as (w, run):
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into process_finding (process_id, name, host, note, warning, delays_pages, noticed_at)
                values
                    (gen_random_uuid(), 'disk', 'web-1', '9 MiB are free.', 'A disk is nearly full.', true, $1),
                    (gen_random_uuid(), 'clock', 'web-2', 'It is off.', 'A clock is wrong.', false, $1)
                """,
                now,
            )
        shown = (await run("health", "show")).out
        assert "ERROR  A disk is nearly full. On web-1: 9 MiB are free.\n" in shown
        assert "WARNING  A clock is wrong. On web-2: It is off.\n" in shown
        assert "No alarms and no findings." not in shown
        processes = (await run("health", "show", "--json")).json["processes"]
        assert [each["name"] for each in processes] == ["disk", "clock"]
