"""The SQL of how status pages are served: access, feed keys, hosts, themes, and mirrors on other servers."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db import org_settings
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.status_pages.hosting.model import FeedKey, HostClaim, PageAccess, PageMirror
from firebell.status_pages.public.theme import FooterLink, PageLogo, PageTheme

_MIRROR_COLUMNS = (
    "id, status_page_id, url, endpoint, region, bucket, prefix, access_key, created_at, pushed_at,"
    " failures, error"
)
LEASE = timedelta(minutes=5)
"""How long a process that pushes a mirror keeps it to itself."""


async def access(tx: Reads, page_id: int) -> PageAccess:
    """Return who may read a page when it is private."""
    row = await tx.row(
        """
        select password_hash, networks, networks_suffice
        from status_page_access
        where status_page_id = $1
        """,
        page_id,
    )
    keys = await tx.fetch(
        """
        select key_hash
        from status_feed_key
        where status_page_id = $1
        order by id
        """,
        page_id,
    )
    hashes = tuple(key["key_hash"] for key in keys)
    if row is None:
        return PageAccess(feed_key_hashes=hashes)
    return PageAccess(row["password_hash"], tuple(row["networks"]), row["networks_suffice"], hashes)


async def save_access(tx: Tx, page_id: int, access: PageAccess) -> None:
    """Store who may read a page; its feed keys are stored apart."""
    await tx.execute(
        """
        insert into status_page_access (status_page_id, password_hash, networks, networks_suffice)
        values ($1, $2, $3, $4)
        on conflict (status_page_id) do update
        set password_hash = excluded.password_hash,
            networks = excluded.networks,
            networks_suffice = excluded.networks_suffice
        """,
        page_id,
        access.password_hash,
        list(access.networks),
        access.networks_suffice,
    )


async def feed_keys(tx: Reads, page_id: int) -> list[FeedKey]:
    """Return the feed keys of a page, oldest first."""
    rows = await tx.fetch(
        """
        select id, name, created_at
        from status_feed_key
        where status_page_id = $1
        order by id
        """,
        page_id,
    )
    return [FeedKey(**dict(row)) for row in rows]


async def insert_feed_key(tx: Tx, page_id: int, name: str, key_hash: str, now: datetime) -> FeedKey:
    """Store the hash of a feed key and return the key's row."""
    row = await tx.row(
        """
        insert into status_feed_key (status_page_id, name, key_hash, created_at)
        values ($1, $2, $3, $4)
        returning id, name, created_at
        """,
        page_id,
        name,
        key_hash,
        now,
    )
    assert row
    return FeedKey(**dict(row))


async def delete_feed_key(tx: Tx, page_id: int, key_id: int) -> str | None:
    """Delete a feed key and return its name, None if there is none."""
    name: str | None = await tx.value(
        """
        delete from status_feed_key
        where status_page_id = $1
            and id = $2
        returning name
        """,
        page_id,
        key_id,
    )
    return name


def _claim(row: Row) -> HostClaim:
    return HostClaim(**dict(row))


async def host_claim(tx: Reads, page_id: int) -> HostClaim | None:
    """Return the host that was claimed for a page, None if there is none."""
    row = await tx.row(
        """
        select status_page_id, host, token, claimed_at, proven_at
        from status_page_host
        where status_page_id = $1
        """,
        page_id,
    )
    return _claim(row) if row else None


async def claim_host(tx: Tx, page_id: int, host: str, token: str, now: datetime) -> HostClaim:
    """Store a claim in place of an earlier one."""
    row = await tx.row(
        """
        insert into status_page_host (status_page_id, host, token, claimed_at)
        values ($1, $2, $3, $4)
        on conflict (status_page_id) do update
        set host = excluded.host,
            token = excluded.token,
            claimed_at = excluded.claimed_at,
            proven_at = null
        returning status_page_id, host, token, claimed_at, proven_at
        """,
        page_id,
        host,
        token,
        now,
    )
    assert row
    return _claim(row)


async def claim_token(tx: Reads, slug: str, host: str) -> str | None:
    """Return the token of the claim of a host for the page with this slug, None if there is none."""
    token: str | None = await tx.value(
        """
        select h.token
        from status_page_host h
        join status_page p on p.id = h.status_page_id
        where p.slug = $1
            and h.host = $2
        """,
        slug,
        host,
    )
    return token


async def prove_host(tx: Tx, page_id: int, host: str, now: datetime) -> bool:
    """Mark the claim of a host as proven; return False if another page has proven the host, or the claim changed."""
    return bool(
        await tx.value(
            """
            update status_page_host h
            set proven_at = $3
            where h.status_page_id = $1
                and h.host = $2
                and not exists (
                    select
                    from status_page_host other
                    where other.host = $2
                        and other.proven_at is not null
                        and other.status_page_id <> $1
                )
            returning true
            """,
            page_id,
            host,
            now,
        )
    )


async def delete_host(tx: Tx, page_id: int) -> str | None:
    """Delete the host of a page and return it, None if there is none."""
    host: str | None = await tx.value(
        """
        delete from status_page_host
        where status_page_id = $1
        returning host
        """,
        page_id,
    )
    return host


async def record_fetch(tx: Tx, page_id: int, now: datetime) -> None:
    """Store that a reader outside the network got a page."""
    await tx.execute("update status_page set fetched_at = $2 where id = $1", page_id, now)


async def proven_hosts(tx: Reads) -> dict[str, str]:
    """Return the slugs of pages by their proven hosts."""
    rows = await tx.fetch(
        """
        select h.host, p.slug
        from status_page_host h
        join status_page p on p.id = h.status_page_id
        where h.proven_at is not null
        """
    )
    return {row["host"]: row["slug"] for row in rows}


async def is_proven_host(tx: Reads, host: str) -> bool:
    """Return True if a status page is served on this host."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from status_page_host
                where host = $1
                    and proven_at is not null
            )
            """,
            host,
        )
    )


async def theme(tx: Reads, page_id: int) -> PageTheme:
    """Return the look of a page."""
    row = await tx.row(
        """
        select accent, locale, locales, logo, logo_type, footer_links
        from status_page_theme
        where status_page_id = $1
        """,
        page_id,
    )
    if row is None:
        return PageTheme()
    logo = PageLogo(row["logo"], row["logo_type"]) if row["logo"] else None
    links = tuple(FooterLink(**link) for link in row["footer_links"])
    return PageTheme(row["accent"], row["locale"], tuple(row["locales"]), logo, links)


async def save_theme(tx: Tx, page_id: int, theme: PageTheme) -> None:
    """Store the look of a page."""
    await tx.execute(
        """
        insert into status_page_theme (status_page_id, accent, locale, locales, logo, logo_type, footer_links)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (status_page_id) do update
        set accent = excluded.accent,
            locale = excluded.locale,
            locales = excluded.locales,
            logo = excluded.logo,
            logo_type = excluded.logo_type,
            footer_links = excluded.footer_links
        """,
        page_id,
        theme.accent,
        theme.locale,
        list(theme.locales),
        theme.logo.data if theme.logo else None,
        theme.logo.media_type if theme.logo else "",
        [{"label": link.label, "url": link.url} for link in theme.footer_links],
    )


async def sealer(tx: Tx) -> Sealer:
    """Return what seals the secrets of buckets with a key of this installation."""
    return Sealer(await org_settings.installation_secret(tx), "status_page.mirror")


def _mirror(row: Row) -> PageMirror:
    return PageMirror(**dict(row))


async def mirrors(tx: Reads, page_ids: Sequence[int]) -> list[PageMirror]:
    """Return the mirrors of these pages, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_MIRROR_COLUMNS}
        from status_page_mirror
        where status_page_id = any($1::bigint[])
        order by id
        """,
        list(page_ids),
    )
    return [_mirror(row) for row in rows]


async def insert_mirror(
    tx: Tx,
    page_id: int,
    *,
    url: str,
    endpoint: str,
    region: str,
    bucket: str,
    prefix: str,
    access_key: str,
    secret: bytes,
    now: datetime,
) -> PageMirror:
    """Store a mirror, which is pushed at once; `secret` is sealed."""
    row = await tx.row(
        f"""
        insert into status_page_mirror (
            status_page_id, url, endpoint, region, bucket, prefix, access_key, secret, created_at, next_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)
        returning {_MIRROR_COLUMNS}
        """,
        page_id,
        url,
        endpoint,
        region,
        bucket,
        prefix,
        access_key,
        secret,
        now,
    )
    assert row
    return _mirror(row)


async def delete_mirror(tx: Tx, page_id: int, mirror_id: int) -> str | None:
    """Delete a mirror and return its address, None if there is none; the objects in the bucket stay."""
    url: str | None = await tx.value(
        """
        delete from status_page_mirror
        where status_page_id = $1
            and id = $2
        returning url
        """,
        page_id,
        mirror_id,
    )
    return url


async def hurry_mirrors(tx: Tx, page_ids: Sequence[int], now: datetime) -> None:
    """Let the mirrors of these pages be pushed now, unless their last push failed."""
    await tx.execute(
        """
        update status_page_mirror
        set next_at = $2
        where status_page_id = any($1::bigint[])
            and failures = 0
            and next_at > $2
        """,
        list(page_ids),
        now,
    )


async def claim_mirrors(tx: Tx, now: datetime, limit: int) -> list[tuple[PageMirror, bytes]]:
    """Lease mirrors that are due, each with its sealed secret; another process gets them if this one dies."""
    rows = await tx.fetch(
        f"""
        update status_page_mirror
        set next_at = $2
        where id in (
            select c.id
            from status_page_mirror c
            join status_page p on p.id = c.status_page_id
            where c.next_at <= $1
                and p.visibility <> 'private'
            order by c.next_at, c.id
            limit $3
            for update of c skip locked
        )
        returning {_MIRROR_COLUMNS}, secret
        """,
        now,
        now + LEASE,
        limit,
    )
    claimed = []
    for row in rows:
        columns = dict(row)
        secret = columns.pop("secret")
        claimed.append((PageMirror(**columns), secret))
    return claimed


async def finish_mirror(tx: Tx, mirror_id: int, now: datetime, next_at: datetime) -> None:
    """Record that a mirror is up to date, and when it is pushed next."""
    await tx.execute(
        """
        update status_page_mirror
        set pushed_at = $2,
            next_at = $3,
            failures = 0,
            error = ''
        where id = $1
        """,
        mirror_id,
        now,
        next_at,
    )


async def fail_mirror(tx: Tx, mirror_id: int, error: str, next_at: datetime) -> None:
    """Record why a mirror could not be pushed, and when that is tried again."""
    await tx.execute(
        """
        update status_page_mirror
        set failures = failures + 1,
            error = $2,
            next_at = $3
        where id = $1
        """,
        mirror_id,
        error,
        next_at,
    )


async def next_mirror_at(tx: Reads) -> datetime | None:
    """Return when a mirror is due next, None if there are none."""
    at: datetime | None = await tx.value(
        """
        select min(c.next_at)
        from status_page_mirror c
        join status_page p on p.id = c.status_page_id
        where p.visibility <> 'private'
        """
    )
    return at
