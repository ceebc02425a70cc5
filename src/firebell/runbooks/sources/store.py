"""The SQL of runbook sources: their secrets, leases and how their last sync went."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.runbooks.model import RuleFileText, ScenarioText
from firebell.runbooks.sources.model import (
    PendingCommit,
    PreparedRuleFile,
    RunbookSource,
    SourceFinding,
    SourceKind,
)
from firebell.runbooks.sources.source_settings import SourceSettings

_COLUMNS = (
    "id, kind, name, url, ref, paths, secret is not null as has_token, poll_s, created_at, last_commit,"
    " last_author, last_tried_at, last_ok_at, last_error, files, findings, pending, decided_commit,"
    " archive_allowed, next_sync_at"
)
_CHANGEABLE = {
    *(
        "last_commit",
        "last_author",
        "last_tried_at",
        "last_ok_at",
        "last_error",
        "files",
        "findings",
        "pending",
    ),
    *("decided_commit", "archive_allowed", "next_sync_at", "url", "ref", "paths", "poll_s", "name"),
}


def _source(row: Row) -> RunbookSource:
    findings, pending = row["findings"], row["pending"]
    return RunbookSource(
        **{
            **dict(row),
            "kind": SourceKind(row["kind"]),
            "paths": tuple(row["paths"]),
            "findings": tuple(msgspec.convert(findings, list[SourceFinding])),
            "pending": msgspec.convert(pending, PendingCommit) if pending else None,
        }
    )


async def _sealer(tx: Tx) -> Sealer:
    return Sealer(await org_settings.installation_secret(tx), "runbook_source")


def _context(source_id: int, which: str) -> str:
    return f"{source_id}/{which}"


async def insert(tx: Tx, settings: SourceSettings, now: datetime) -> RunbookSource | None:
    """Insert a source and return it, None if one has that name."""
    row = await tx.row(
        f"""
        insert into runbook_source (kind, name, url, ref, paths, poll_s, created_at, next_sync_at)
        values ($1, $2, $3, $4, $5, $6, $7, $7)
        on conflict (name) do nothing
        returning {_COLUMNS}
        """,
        settings.kind,
        settings.name,
        settings.url,
        settings.ref,
        list(settings.paths),
        settings.poll_s,
        now,
    )
    return _source(row) if row else None


async def set_token(tx: Tx, source_id: int, token: str) -> None:
    """Replace the access token of a source; an empty one removes it."""
    sealed = (await _sealer(tx)).seal(token.encode(), _context(source_id, "token")) if token else None
    await tx.execute("update runbook_source set secret = $2 where id = $1", source_id, sealed)


async def open_token(tx: Tx, source_id: int) -> str:
    """Return the access token of a source, empty if it has none; raise `Invalid` if it cannot be read."""
    sealed = await tx.value("select secret from runbook_source where id = $1", source_id)
    return (await _sealer(tx)).open(sealed, _context(source_id, "token")).decode() if sealed else ""


async def set_hook_secret(tx: Tx, source_id: int, secret: str) -> None:
    """Replace the secret with which a Git host signs its notifications."""
    sealed = (await _sealer(tx)).seal(secret.encode(), _context(source_id, "hook"))
    await tx.execute("update runbook_source set hook_secret = $2 where id = $1", source_id, sealed)


async def open_hook_secret(tx: Tx, source_id: int) -> str:
    """Return the secret of notifications, empty if there is none; raise `Invalid` if it cannot be read."""
    sealed = await tx.value("select hook_secret from runbook_source where id = $1", source_id)
    return (await _sealer(tx)).open(sealed, _context(source_id, "hook")).decode() if sealed else ""


async def sources(tx: Reads) -> list[RunbookSource]:
    """Return all sources by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from runbook_source
        order by name
        """
    )
    return [_source(row) for row in rows]


async def source(tx: Reads, source_id: int) -> RunbookSource | None:
    """Return a source, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from runbook_source
        where id = $1
        """,
        source_id,
    )
    return _source(row) if row else None


async def lock(tx: Tx, source_id: int) -> RunbookSource | None:
    """Lock a source and return it, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from runbook_source
        where id = $1
        for update
        """,
        source_id,
    )
    return _source(row) if row else None


async def change(tx: Tx, source_id: int, **changes: Any) -> None:
    """Update the named columns of a source."""
    assert set(changes) <= _CHANGEABLE
    values = {
        name: msgspec.to_builtins(value) if name in ("findings", "pending") else value
        for name, value in changes.items()
    }
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(values, 2))
    await tx.execute(
        f"""
        update runbook_source
        set {assignments}
        where id = $1
        """,
        source_id,
        *values.values(),
    )


async def delete(tx: Tx, source_id: int) -> None:
    """Delete a source."""
    await tx.execute("delete from runbook_source where id = $1", source_id)


async def replace_scenarios(tx: Tx, source_id: int, scenarios: Mapping[str, str]) -> int:
    """Store the scenario files of a source, by path; return how many were added, changed or removed."""
    rows = await tx.fetch(
        """
        with read as (
            select *
            from unnest($2::text[], $3::text[]) as read (path, body)
        ), gone as (
            delete from runbook_scenario
            where source_id = $1
                and path not in (select path from read)
            returning path
        ), stored as (
            insert into runbook_scenario (source_id, path, body)
            select $1, path, body
            from read
            on conflict (source_id, path) do update
                set body = excluded.body
                where runbook_scenario.body <> excluded.body
            returning path
        )
        select path
        from gone
        union all
        select path
        from stored
        """,
        source_id,
        list(scenarios),
        list(scenarios.values()),
    )
    return len(rows)


async def scenario_texts(tx: Reads) -> list[ScenarioText]:
    """Return the scenario files of all sources."""
    rows = await tx.fetch(
        """
        select source.name as source, scenario.path, scenario.body
        from runbook_scenario scenario
        join runbook_source source on source.id = scenario.source_id
        order by source.name, scenario.path
        """
    )
    return [ScenarioText(**dict(row)) for row in rows]


async def replace_rule_files(
    tx: Tx, source_id: int, files: Mapping[str, PreparedRuleFile], refused_paths: Sequence[str]
) -> int:
    """Store the rule files of a source, by path; return how many were added, changed or removed.

    One that was refused keeps its old text, as a runbook does.
    """
    rows = await tx.fetch(
        """
        with read as (
            select *
            from jsonb_to_recordset($2) as read (path text, body text, alert_names text[])
        ), gone as (
            delete from rule_file
            where source_id = $1
                and path not in (select path from read)
                and path <> all($3::text[])
            returning path
        ), stored as (
            insert into rule_file (source_id, path, body, alert_names)
            select $1, path, body, alert_names
            from read
            on conflict (source_id, path) do update
                set body = excluded.body, alert_names = excluded.alert_names
                where rule_file.body <> excluded.body
            returning path
        )
        select path
        from gone
        union all
        select path
        from stored
        """,
        source_id,
        [
            {"path": path, "body": file.body, "alert_names": list(file.alert_names)}
            for path, file in files.items()
        ],
        list(refused_paths),
    )
    return len(rows)


async def rule_files(tx: Reads, alert_names: Collection[str]) -> list[RuleFileText]:
    """Return the rule files of all sources that define one of these alerts."""
    rows = await tx.fetch(
        """
        select source.name as source, file.path, file.body, file.alert_names
        from rule_file file
        join runbook_source source on source.id = file.source_id
        where file.alert_names && $1::text[]
        order by source.name, file.path
        """,
        list(alert_names),
    )
    return [RuleFileText(**{**dict(row), "alert_names": tuple(row["alert_names"])}) for row in rows]


async def read_again(tx: Tx, now: datetime) -> None:
    """Make every source apply its commit again, because a slug it was refused may be free now."""
    await tx.execute("update runbook_source set last_commit = '', next_sync_at = $1", now)


async def lease_due(tx: Tx, holder: str, until: datetime, now: datetime) -> RunbookSource | None:
    """Lease the source that has been due for longest and that no other process reads; None without one."""
    row = await tx.row(
        f"""
        update runbook_source
        set lease_holder = $1, lease_until = $2
        where id = (
            select id
            from runbook_source
            where kind <> 'push'
                and next_sync_at <= $3
                and (lease_until is null or lease_until <= $3)
            order by next_sync_at
            limit 1
            for update skip locked
        )
        returning {_COLUMNS}
        """,
        holder,
        until,
        now,
    )
    return _source(row) if row else None


async def next_due_at(tx: Reads) -> datetime | None:
    """Return when a source is due next, or None."""
    at = await tx.value(
        """
        select min(greatest(next_sync_at, coalesce(lease_until, '-infinity')))
        from runbook_source
        where kind <> 'push'
        """
    )
    return at if isinstance(at, datetime) else None


async def end_lease(tx: Tx, source_id: int, holder: str) -> None:
    """Give up the lease of a source."""
    await tx.execute(
        """
        update runbook_source
        set lease_holder = null, lease_until = null
        where id = $1
            and lease_holder = $2
        """,
        source_id,
        holder,
    )
