"""How a status page is served: who may read it, its host, and its mirrors on other servers."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firebell.status_pages.archive import Archive
from firebell.status_pages.public.theme import PageTheme
from firebell.status_pages.signing.model import PublishedKey
from firebell.status_pages.snapshot import Snapshot

MIRROR_LATE_AFTER = timedelta(minutes=5)
"""How old a mirror on another server may be before it is reported (T-PUSH)."""


@dataclass(frozen=True, slots=True)
class PageAccess:
    """Who may read a private page. Without a password and networks, only readers with a feed key."""

    password_hash: str = ""
    networks: tuple[str, ...] = ()
    """The networks that readers must come from, such as 10.0.0.0/8; empty for any."""
    networks_suffice: bool = False
    """True if readers from these networks need no password."""
    feed_key_hashes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedPage:
    """Everything that a process needs to serve one status page without a database."""

    snapshot: Snapshot
    as_of: datetime
    """When the page was last known to be up to date."""
    url: str
    """The whole address of the page, without a trailing slash."""
    host: str = ""
    """The host name of its own, empty if it has none."""
    access: PageAccess = field(default_factory=PageAccess)
    theme: PageTheme = field(default_factory=PageTheme)
    log: str = ""
    """The log of everything published, as JSON lines."""
    keys: tuple[PublishedKey, ...] = ()
    """The public keys that sign the log, oldest first."""
    subscribe_url: str = ""
    """The whole address of the form with which readers subscribe, empty if only managers add subscribers."""
    archive: Archive = field(default_factory=Archive)
    """What the page published before the days of its snapshot; with the log, or empty."""


@dataclass(frozen=True, slots=True)
class FeedKey:
    """A key with which one reader of a private page reads feeds and JSON."""

    id: int
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class HostClaim:
    """A host name that someone claimed for a page; it is served once the claim is proven."""

    status_page_id: int
    host: str
    token: str
    claimed_at: datetime
    proven_at: datetime | None


@dataclass(frozen=True, slots=True)
class PageMirror:
    """A bucket to which a page is pushed; `url` is the address under which readers find the mirror."""

    id: int
    status_page_id: int
    url: str
    endpoint: str
    region: str
    bucket: str
    prefix: str
    access_key: str
    created_at: datetime
    pushed_at: datetime | None
    failures: int
    error: str

    def is_late(self, now: datetime) -> bool:
        """Return True if the mirror is older than readers may rely on."""
        return now - (self.pushed_at or self.created_at) > MIRROR_LATE_AFTER
