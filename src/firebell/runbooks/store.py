"""The SQL of runbooks and their versions."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.runbooks.model import IndexEntry, RunbookVersion, digest

_COLUMNS = (
    'slug, body, source, version, updated_at, updated_by, source_id, path, "commit", archived_at, title'
)
_VERSION_COLUMNS = 'slug, number, sha256, body, source_id, "commit", path, committed_at, author'


@dataclass(frozen=True, slots=True)
class OwnRunbook:
    """An organization's own text of a runbook; `body` is None if it hides the default one."""

    slug: str
    body: str | None
    source: str
    version: int
    updated_at: datetime
    updated_by: str
    source_id: int | None = None
    path: str = ""
    commit: str = ""
    archived_at: datetime | None = None
    title: str = ""


@dataclass(frozen=True, slots=True)
class NewText:
    """A text to store, with what matching needs of it; `body` is None to hide a default runbook."""

    slug: str
    body: str | None
    source: str
    by: str
    entry: IndexEntry
    source_id: int | None = None
    path: str = ""
    commit: str = ""
    committed_at: datetime | None = None


async def all_own(tx: Reads) -> list[OwnRunbook]:
    """Return all own runbooks by slug, hidden and archived ones too."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from runbook
        order by slug
        """
    )
    return [OwnRunbook(**dict(row)) for row in rows]


async def titles(tx: Reads) -> dict[str, str | None]:
    """Return the titles of all own runbooks that are not archived, None for the default ones that are hidden."""
    rows = await tx.fetch(
        """
        select slug, case when body is not null then title end as title
        from runbook
        where archived_at is null
        """
    )
    return {row["slug"]: row["title"] for row in rows}


async def own(tx: Reads, slug: str) -> OwnRunbook | None:
    """Return the own runbook of a slug, None if there is none."""
    return (await own_by_slug(tx, [slug])).get(slug)


async def own_by_slug(tx: Reads, slugs: Collection[str]) -> dict[str, OwnRunbook]:
    """Return the own runbooks of these slugs, hidden and archived ones too; slugs without one are absent."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from runbook
        where slug = any($1::text[])
        """,
        list(slugs),
    )
    return {row["slug"]: OwnRunbook(**dict(row)) for row in rows}


async def lock(tx: Tx) -> None:
    """Serialize changes of the library until the end of the transaction; readers do not wait."""
    await tx.execute("lock table runbook in share row exclusive mode")


async def put(tx: Tx, texts: Sequence[NewText], now: datetime) -> None:
    """Insert or replace own runbooks, each with a new version; version numbers of a slug are never used twice."""
    await tx.many(
        """
        insert into runbook (
            slug, body, source, version, updated_at, updated_by, source_id, path, "commit", title, triggers,
            services, errors
        )
        values (
            $1, $2, $3, coalesce((select max(number) from runbook_version where slug = $1), 0) + 1, $4, $5, $6, $7,
            $8, $9, $10, $11, $12
        )
        on conflict (slug) do update
        set body = excluded.body,
            source = excluded.source,
            version = greatest(runbook.version + 1, excluded.version),
            updated_at = excluded.updated_at,
            updated_by = excluded.updated_by,
            source_id = excluded.source_id,
            path = excluded.path,
            "commit" = excluded."commit",
            archived_at = null,
            title = excluded.title,
            triggers = excluded.triggers,
            services = excluded.services,
            errors = excluded.errors
        """,
        [
            (
                text.slug,
                text.body,
                text.source,
                now,
                text.by,
                text.source_id,
                text.path,
                text.commit,
                text.entry.title,
                list(text.entry.triggers),
                list(text.entry.services),
                text.entry.errors,
            )
            for text in texts
        ],
    )
    await tx.many(
        """
        insert into runbook_version (slug, number, sha256, body, source_id, "commit", path, committed_at, author)
        select slug, version, $2, body, source_id, "commit", $3, $4, updated_by
        from runbook
        where slug = $1
        """,
        [
            (text.slug, digest(text.body), text.path or text.source, text.committed_at or now)
            for text in texts
            if text.body is not None
        ],
    )


async def delete(tx: Tx, slug: str) -> bool:
    """Delete the own runbook of a slug and keep its versions; return True if there was one."""
    changed = await tx.changed("delete from runbook where slug = $1", slug)
    return changed == 1


async def of_source(tx: Reads, source_id: int) -> list[OwnRunbook]:
    """Return the runbooks that a source keeps, archived ones too, by slug."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from runbook
        where source_id = $1
        order by slug
        """,
        source_id,
    )
    return [OwnRunbook(**dict(row)) for row in rows]


async def archive(tx: Tx, slugs: Collection[str], now: datetime) -> None:
    """Archive runbooks: they leave the library, and their address stays."""
    await tx.execute(
        """
        update runbook
        set archived_at = $2
        where slug = any($1::text[])
        """,
        list(slugs),
        now,
    )


async def restore_archived(tx: Tx, slugs: Collection[str]) -> None:
    """Return archived runbooks whose text did not change to the library."""
    await tx.execute(
        """
        update runbook
        set archived_at = null
        where slug = any($1::text[])
        """,
        list(slugs),
    )


async def release(tx: Tx, source_id: int) -> None:
    """Make the runbooks of a source the app's own, to be edited here."""
    await tx.execute(
        """
        update runbook
        set source_id = null
        where source_id = $1
        """,
        source_id,
    )


def _version(row: Row) -> RunbookVersion:
    return RunbookVersion(**dict(row))


async def versions(tx: Reads, slug: str, before: int, limit: int) -> list[RunbookVersion]:
    """Return versions of a runbook with numbers below `before`, newest first."""
    rows = await tx.fetch(
        f"""
        select {_VERSION_COLUMNS}
        from runbook_version
        where slug = $1
            and number < $2
        order by number desc
        limit $3
        """,
        slug,
        before,
        limit,
    )
    return [_version(row) for row in rows]


async def created(tx: Reads, slugs: Sequence[str]) -> dict[str, datetime]:
    """Return when runbooks came into the library: the time of their first version; default texts are absent."""
    rows = await tx.fetch(
        """
        select wanted.slug, version.committed_at
        from unnest($1::text[]) as wanted (slug)
        cross join lateral (
            select committed_at
            from runbook_version
            where runbook_version.slug = wanted.slug
            order by number
            limit 1
        ) version
        """,
        list(slugs),
    )
    return {row["slug"]: row["committed_at"] for row in rows}


async def version(tx: Reads, slug: str, number: int) -> RunbookVersion | None:
    """Return one version of a runbook, None if there is none."""
    row = await tx.row(
        f"""
        select {_VERSION_COLUMNS}
        from runbook_version
        where slug = $1
            and number = $2
        """,
        slug,
        number,
    )
    return _version(row) if row else None


async def index_entries(tx: Reads, slugs: Iterable[str]) -> list[IndexEntry]:
    """Return what matching needs of the runbooks in the library that state when they apply, and of these slugs."""
    rows = await tx.fetch(
        """
        select
            slug,
            title,
            triggers,
            services,
            errors,
            (
                select max(ended_at)
                from runbook_run
                where runbook_run.slug = runbook.slug
                    and is_exercise
            ) as last_exercised
        from runbook
        where body is not null
            and archived_at is null
            and (triggers <> '{}' or services <> '{}' or slug = any($1::text[]))
        order by slug
        """,
        list(slugs),
    )
    return [
        IndexEntry(
            row["slug"],
            row["title"],
            tuple(row["triggers"]),
            tuple(row["services"]),
            row["errors"],
            row["last_exercised"],
        )
        for row in rows
    ]
