"""The subject of a message is stored as kind and id, also for rows from before these columns."""

from datetime import UTC, datetime

import asyncpg

from firebell.kit.db.migrate import available, migrate

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


async def test_messages_of_before_the_upgrade_keep_what_they_are_about(dsn: str) -> None:
    admin = await asyncpg.connect(dsn)
    await admin.execute("create database before_subjects")
    old = dsn.replace(await admin.fetchval("select current_database()"), "before_subjects")
    await migrate(old, [m for m in available() if m.version < 30])
    conn = await asyncpg.connect(old)
    try:
        await conn.execute(
            """
            insert into person (name, email, role, created_at)
            values ('Mara', 'mara@kestrel.example', 'admin', now());
            insert into page (subject_kind, subject_id, plan, title, urgency, state, triggered_at)
            values ('incident', 1, '{}', 'disk', 'high', 'triggered', now());
            """
        )
        for number, (page_id, reason) in enumerate(
            [(1, "page"), (1, "reminder"), (None, "test"), (None, "source-7"), (None, "shift-12")]
        ):
            await conn.execute(
                """
                insert into delivery (page_id, epoch, level, round, person_id, method_id, rule_index, rank,
                    reason, channel, address, idempotency_key, state, send_at, created_at)
                values ($1, 1, 0, 0, 1, 5, 0, 1, $2, 'email', 'mara@kestrel.example', $3, 'queued', $4, $4)
                """,
                page_id,
                reason,
                f"key-{number}",
                NOW,
            )
        await migrate(old)
        rows = await conn.fetch(
            "select reason, subject_kind, subject_id, page_id from delivery order by idempotency_key"
        )
        assert [tuple(row) for row in rows] == [
            ("page", "page", 1, 1),
            ("reminder", "page", 1, 1),
            ("test", "test", 5, None),
            ("source", "source", 7, None),
            ("shift", "notice", 12, None),
        ]
    finally:
        await conn.close()
        await admin.execute("drop database before_subjects with (force)")
        await admin.close()
