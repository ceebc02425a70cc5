"""Runbook sources, what was read from one, and what a sync does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from firebell.runbooks.model import IndexEntry

FILES_MAX = 2000
OBJECTS_MAX_BYTES = 64 * 1024**2
SYNC_LIMIT_S = 60.0
"""How long reading a source may take."""
FILE_MAX_CHARS = 200_000
DEFAULT_PATHS = ("**/*.md",)
DEFAULT_POLL_S = 60
MIN_POLL_S = 15
STALE_AFTER = timedelta(hours=24)
"""After this time without a sync, R-SYNC is an error."""


_FILE_PATHS = (("gitlab", "/-/blob/"), ("gitea", "/src/branch/"), ("codeberg", "/src/branch/"))
"""What stands between a repository and a file in the addresses of Git hosts, by a word in the host's name."""


class SourceKind(StrEnum):
    """Where a source has its files."""

    GIT = "git"
    DIRECTORY = "directory"
    PUSH = "push"


@dataclass(frozen=True, slots=True)
class SourceFinding:
    """A file that was not taken (R-SYNC), with the reason and what to do."""

    path: str
    message: str
    advice: str
    line: int = 1


@dataclass(frozen=True, slots=True)
class PendingCommit:
    """A commit that waits for a person, because it would archive more than half of the runbooks."""

    commit: str
    author: str
    message: str
    at: datetime
    archives: Sequence[str]
    runbooks: int


@dataclass(frozen=True, slots=True)
class RunbookSource:
    """A runbook source and how its last sync went; its secrets are never part of it."""

    id: int
    kind: SourceKind
    name: str
    url: str
    ref: str
    paths: tuple[str, ...]
    has_token: bool
    poll_s: int
    created_at: datetime
    last_commit: str
    last_author: str
    last_tried_at: datetime | None
    last_ok_at: datetime | None
    last_error: str
    files: int
    findings: tuple[SourceFinding, ...]
    pending: PendingCommit | None
    decided_commit: str
    archive_allowed: bool
    next_sync_at: datetime

    @property
    def label(self) -> str:
        """The repository or directory, short."""
        return self.url.removeprefix("https://").removesuffix(".git") or self.name

    def file_url(self, path: str) -> str:
        """Return where a person can read a file of this source, its path if there is no known address."""
        host = self.url.removeprefix("https://").partition("/")[0]
        repository, ref = self.url.removesuffix(".git"), self.ref or "HEAD"
        if self.kind is not SourceKind.GIT or not self.url.startswith("https://"):
            return path
        infix = next((infix for word, infix in _FILE_PATHS if word in host), "/blob/")
        return f"{repository}{infix}{ref}/{path}"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as it was read; `body` is None if it cannot be taken, for the reason `problem`."""

    path: str
    body: str | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All matching files of a source at one commit."""

    commit: str
    author: str
    at: datetime
    message: str
    files: Sequence[SourceFile]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The source is at the commit that was read last."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that a runbook can be made of; `entry` follows from its text."""

    slug: str
    path: str
    body: str
    entry: IndexEntry


@dataclass(frozen=True, slots=True)
class PreparedRuleFile:
    """A Prometheus rule file as it was read, with the names of its alerts."""

    body: str
    alert_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreparedFiles:
    """The files of a commit: those that can be used, and what is wrong with the others, with their slugs.

    Scenarios are stored as they are; whether one can be used is decided where it is read.
    """

    prepared: tuple[Prepared, ...] = ()
    refused: tuple[SourceFinding, ...] = ()
    refused_slugs: frozenset[str] = frozenset()
    scenarios: Mapping[str, str] = field(default_factory=dict)
    """The texts of the scenarios of drills by path."""
    rule_files: Mapping[str, PreparedRuleFile] = field(default_factory=dict)
    """By path."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """What applying a commit does, by slug."""

    changed: tuple[Prepared, ...] = ()
    unchanged: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    """Archived runbooks whose file is back with the same text."""
    gone: tuple[str, ...] = ()
    findings: tuple[SourceFinding, ...] = ()

    @property
    def files(self) -> int:
        """The number of files that were taken."""
        return len(self.changed) + len(self.unchanged) + len(self.returned)


class SyncResult(StrEnum):
    """How applying a commit ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    WAITING = "waiting"
    """It waits for a person, because it would archive more than half of the runbooks."""
    IGNORED = "ignored"
    """A person decided to ignore it."""


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What a sync did."""

    result: SyncResult
    changes: Mapping[str, int] = field(default_factory=dict)
    """The numbers of runbooks by what happened to them: changed, unchanged, returned, gone."""
    findings: tuple[SourceFinding, ...] = ()
    archives: tuple[str, ...] = ()


class SyncFailure(Exception):  # noqa: N818 - an outcome that is stored
    """A source cannot be read; the message says why and what to do."""
