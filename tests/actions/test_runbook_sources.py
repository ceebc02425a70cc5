"""Runbook sources against a real Git server: what is taken, what is refused, and that the last good commit stays."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from dulwich.refs import Ref

from firebell.kit.errors import Conflict, Invalid
from firebell.kit.http_out import guarded_client, parse_networks
from firebell.kit.process_pool import ProcessPool
from firebell.runbooks import actions as runbooks
from firebell.runbooks.runs import actions as runs
from firebell.runbooks.runs import queries as run_queries
from firebell.runbooks.runs.model import RunEventKind
from firebell.runbooks.sources import actions, git_fetch, queries
from firebell.runbooks.sources.model import (
    RunbookSource,
    Snapshot,
    SourceKind,
    SyncFailure,
    SyncResult,
    Unchanged,
)
from tests.rules.test_runbooks import GOOD
from tests.standins.git_server import GitHost, git_host
from tests.world import World, world


@pytest.fixture
def host(tmp_path: Path) -> Iterator[GitHost]:
    with git_host(tmp_path / "repository") as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with guarded_client(parse_networks("127.0.0.0/8")) as client:
        yield client


@dataclass
class Library:
    """The library of an organization with one source."""

    w: World
    source_id: int

    async def sync(self) -> RunbookSource:
        """Read the source now, and return it."""
        async with self.w.ctx.db.tx() as tx:
            await actions.request_sync(tx, await self.w.actor(self.w.mara), self.source_id, self.w.now)
        await self.w.settle()
        return await self.source()

    async def source(self) -> RunbookSource:
        """Return the source."""
        async with self.w.ctx.db.tx() as tx:
            return await actions.source(tx, self.source_id)

    async def texts(self) -> dict[str, str]:
        """Return the organization's own texts in the library, by slug."""
        async with self.w.ctx.db.tx() as tx:
            return {r.slug: r.body for r in await runbooks.library(tx) if r.own}


async def library(w: World, kind: SourceKind, url: str = "", token: str = "") -> Library:
    """Add a source to an organization."""
    async with w.ctx.db.tx() as tx:
        mara = await w.actor(w.mara)
        source = await actions.add(tx, mara, kind, "Operations", w.now, url=url, token=token)
    return Library(w, source.id)


def source_at(url: str, ref: str = "", paths: tuple[str, ...] = ("**/*.md",)) -> RunbookSource:
    """Return a source as the lane reads it, without a database."""
    at = datetime(2026, 11, 24, tzinfo=UTC)
    return RunbookSource(
        id=1,
        kind=SourceKind.GIT,
        name="Operations",
        url=url,
        ref=ref,
        paths=paths,
        has_token=False,
        poll_s=60,
        created_at=at,
        last_commit="",
        last_author="",
        last_tried_at=None,
        last_ok_at=None,
        last_error="",
        files=0,
        findings=(),
        pending=None,
        decided_commit="",
        archive_allowed=False,
        next_sync_at=at,
    )


async def read(http: httpx.AsyncClient, host: GitHost, ref: str = "", token: str = "") -> Snapshot:
    """Fetch a branch of the host."""
    snapshot = await git_fetch.fetch(http, source_at(host.url, ref), token, "")
    assert isinstance(snapshot, Snapshot)
    return snapshot


async def failure(http: httpx.AsyncClient, host: GitHost, ref: str = "", token: str = "") -> str:
    """Return why a branch cannot be read."""
    with pytest.raises(SyncFailure) as refused:
        await git_fetch.fetch(http, source_at(host.url, ref), token, "")
    return str(refused.value)


async def test_regular_files_of_a_branch_are_read(http: httpx.AsyncClient, host: GitHost) -> None:
    files = {
        "a.md": b"# A\r\n",
        "x/b.md": b"# B",
        "README.md": b"# No",
        "bad.md": b"\xff",
        "link.md": b"/etc/passwd",
    }
    commit = host.commit(files, modes={"link.md": 0o120000})
    snapshot = await read(http, host)
    assert (snapshot.commit, snapshot.author, snapshot.message) == (commit, "Sam Ops", "Change runbooks")
    assert [(f.path, f.body) for f in snapshot.files] == [
        ("a.md", "# A\n"),
        ("bad.md", None),
        ("x/b.md", "# B"),
    ]
    assert isinstance(await git_fetch.fetch(http, source_at(host.url), "", commit), Unchanged)
    host.commit({"t.md": b"# T"}, ref=Ref(b"refs/tags/v1"))
    assert [f.path for f in (await read(http, host, "v1")).files] == ["t.md"]
    assert [f.path for f in (await read(http, host, "refs/heads/main")).files] == ["a.md", "bad.md", "x/b.md"]


async def test_a_forced_push_is_read_like_any_other(http: httpx.AsyncClient, host: GitHost) -> None:
    old = host.commit({"a.md": b"# A"})
    host.commit({"b.md": b"# B"}, root=True)
    snapshot = await git_fetch.fetch(http, source_at(host.url), "", old)
    assert isinstance(snapshot, Snapshot)
    assert [f.path for f in snapshot.files] == ["b.md"]


async def test_what_cannot_be_read_says_why(http: httpx.AsyncClient, host: GitHost) -> None:
    assert "empty" in await failure(http, host)
    host.commit({"a.md": b"# A"})
    assert "gone" in await failure(http, host, "gone")
    host.token = "right"
    assert "401" in await failure(http, host)
    assert "401" in await failure(http, host, token="expired")
    assert (await read(http, host, token="right")).files
    host.token, host.garbage = "", b"0009\x01PACK0000"
    assert await failure(http, host)
    host.garbage = b"zzzz"
    assert "Git server" in await failure(http, host)
    host.garbage = b""
    with pytest.raises(SyncFailure, match="no repository"):
        await git_fetch.fetch(http, source_at(host.url.replace("ops", "elsewhere")), "", "")


async def test_each_connection_goes_to_a_checked_address(
    http: httpx.AsyncClient, host: GitHost, tmp_path: Path
) -> None:
    host.commit({"a.md": b"# A"})
    for target in ("http://10.0.0.1", "http://[::1]", "http://169.254.169.254"):
        host.redirect = target
        assert "private address" in await failure(http, host)
    host.redirect = "file:///etc"
    assert "cannot be used" in await failure(http, host)
    async with guarded_client(()) as strict:
        assert "private address" in await failure(strict, host)


async def test_a_token_is_not_sent_where_a_redirect_leads(
    http: httpx.AsyncClient, host: GitHost, tmp_path: Path
) -> None:
    with git_host(tmp_path / "other") as other:
        other.commit({"a.md": b"# A"})
        host.redirect = f"http://127.0.0.1:{other.port}"
        assert (await read(http, host, token="secret")).files, "a moved repository is followed"
        other.token = "secret"
        assert "401" in await failure(http, host, token="secret")


async def test_10000_files_are_refused_and_fit_when_a_folder_is_named(
    http: httpx.AsyncClient, host: GitHost
) -> None:
    files = {f"f{i // 100}/r{i}.md": b"# R" for i in range(10_000)}
    host.commit(files)
    assert "2,000" in await failure(http, host)
    few = await git_fetch.fetch(http, source_at(host.url, paths=("f7/*.md",)), "", "")
    assert isinstance(few, Snapshot)
    assert len(few.files) == 100


async def test_more_than_the_limit_is_not_downloaded(
    http: httpx.AsyncClient, host: GitHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.commit({"a.md": b"# A"})
    monkeypatch.setattr(git_fetch, "OBJECTS_MAX_BYTES", 300)
    assert "MiB" in await failure(http, host)


async def test_a_bomb_of_deltas_is_refused_by_the_limits_of_its_process(
    http: httpx.AsyncClient, host: GitHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.garbage = delta_bomb()
    host.commit({"a.md": b"# A"})
    monkeypatch.setattr(git_fetch, "_PACKS", ProcessPool(3))
    assert await failure(http, host)


def delta_bomb() -> bytes:
    """Return the response with a pack in which each of 40 objects is 16 copies of the one before."""
    import hashlib
    import struct
    import zlib

    def header(kind: int, size: int) -> bytes:
        first, size = (kind << 4) | (size & 15), size >> 4
        data = bytearray()
        while size:
            data.append(first | 128)
            first, size = size & 127, size >> 7
        return bytes([*data, first])

    def varint(number: int) -> bytes:
        data = bytearray()
        while number > 127:
            data.append(number & 127 | 128)
            number >>= 7
        return bytes([*data, number])

    size, base = 1000, b"x" * 1000
    pack = struct.pack(">4sII", b"PACK", 2, 41) + header(3, size) + zlib.compress(base)
    previous = len(struct.pack(">4sII", b"PACK", 2, 41))
    for _ in range(40):
        piece = min(size, 0xFFFFFF)
        copy = bytes([0x80 | 0x70, piece & 255, piece >> 8 & 255, piece >> 16 & 255])
        delta = varint(size) + varint(piece * 16) + copy * 16
        at, offset = len(pack), len(pack) - previous
        encoded = [offset & 127]
        while offset := offset >> 7:
            offset -= 1
            encoded.insert(0, offset & 127 | 128)
        pack += header(6, len(delta)) + bytes(encoded) + zlib.compress(delta)
        previous, size = at, piece * 16
    pack += hashlib.sha1(pack, usedforsecurity=False).digest()
    band = b"\x01" + pack
    return b"00000008NAK\n" + f"{len(band) + 4:04x}".encode() + band + b"0000"


async def test_a_repository_fills_the_library_and_follows_its_commits(
    dsn: str, clock: object, host: GitHost
) -> None:
    async with world(dsn, clock) as w:  # type: ignore[arg-type]
        books = await library(w, SourceKind.GIT, host.url, "secret")
        host.token = "secret"
        host.commit({"a.md": GOOD.encode(), "b.md": b"# B\n", "x/draft.md": b"no title", "new.md": b"# New"})
        source = await books.sync()
        assert (source.last_error, source.files, source.last_author) == ("", 2, "Sam Ops")
        assert sorted(f.path for f in source.findings) == ["new.md", "x/draft.md"]
        assert sorted(await books.texts()) == ["a", "b"]

        second = host.commit({"a.md": GOOD.encode() + b"\nMore.\n"})
        await w.after(minutes=2)
        assert sorted(await books.texts()) == ["a"], "a gone file leaves the library"
        async with w.ctx.db.tx() as tx:
            archived = await runbooks.runbook(tx, "b")
            assert archived.archived_at is not None, "its address stays"
            assert [(v.number, v.author) for v in await runbooks.versions(tx, "a")] == [
                (2, "Sam Ops"),
                (1, "Sam Ops"),
            ]
            with pytest.raises(Conflict):
                await runbooks.save(tx, await w.actor(w.mara), "a", GOOD, w.now)

        before = await books.texts()
        host.token = "rotated"
        await w.after(minutes=2)
        source = await books.source()
        assert "401" in source.last_error
        assert (source.last_commit, await books.texts()) == (second, before)
        assert queries.source_health(source, w.now).findings[0].level == "warning"
        late = queries.source_health(source, w.now + timedelta(hours=25)).findings
        assert (late[0].code, late[0].level) == ("R-SYNC", "error")
        async with w.ctx.db.tx() as tx:
            await actions.set_token(tx, await w.actor(w.mara), books.source_id, "rotated", w.now)
        host.commit({"a.md": b"# A\n", "b.md": b"# B\n"})
        await w.settle()
        assert await books.texts() == {"a": "# A\n", "b": "# B\n"}, "an archived runbook comes back"


async def test_a_forced_push_in_the_middle_of_a_run_changes_no_step_of_it(
    dsn: str, clock: object, host: GitHost
) -> None:
    async with world(dsn, clock) as w:  # type: ignore[arg-type]
        books = await library(w, SourceKind.GIT, host.url)
        host.commit({"a.md": GOOD.encode()})
        await books.sync()
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            run = await runs.start(tx, mara, "a", w.now)
            before = await run_queries.details(tx, run.id)
        first = before.steps[0]
        host.commit({"a.md": b"# A\n\n## Steps\n\n1. Nothing is as it was\n"}, root=True)
        await books.sync()
        async with w.ctx.db.tx() as tx:
            await runs.change_step(tx, mara, run.id, first.key, RunEventKind.STEP_DONE, 0, w.now)
            after = await run_queries.details(tx, run.id)
            assert [step.title for step in after.steps] == [step.title for step in before.steps]
            assert await run_queries.body_of(tx, after.run) == GOOD
            assert (before.newer_version, after.newer_version) == (None, 2), "announced, and never swapped in"
            twin = await runs.start(tx, mara, "a", w.now)
            assert twin.sha256 != run.sha256, "the next run has the new text"


async def test_a_commit_that_archives_most_runbooks_waits_for_a_person(dsn: str, clock: object) -> None:
    async with world(dsn, clock) as w:  # type: ignore[arg-type]
        books = await library(w, SourceKind.PUSH)
        mara = await w.actor(w.mara)
        five = [(f"{name}.md", f"# {name}\n") for name in "abcde"]

        async def push(commit: str, files: list[tuple[str, str]]) -> SyncResult:
            async with w.ctx.db.tx() as tx:
                snapshot = await actions.pushed_snapshot(tx, mara, books.source_id, commit, files, w.now)
                prepared = await actions.prepare(snapshot.files, w.now)
                return (await actions.push(tx, mara, books.source_id, snapshot, prepared, w.now)).result

        async def decide(commit: str, *, archive: bool) -> None:
            async with w.ctx.db.tx() as tx:
                await actions.decide(tx, mara, books.source_id, commit, w.now, archive=archive)

        assert await push("c1", five) is SyncResult.APPLIED
        assert await push("c1", five) is SyncResult.UNCHANGED
        assert await push("c2", five[:1]) is SyncResult.WAITING
        assert len(await books.texts()) == 5
        pending = (await books.source()).pending
        assert pending
        assert (pending.commit, list(pending.archives), pending.runbooks) == ("c2", ["b", "c", "d", "e"], 5)
        with pytest.raises(Conflict):
            await decide("c1", archive=True)
        await decide("c2", archive=False)
        assert await push("c2", five[:1]) is SyncResult.IGNORED
        assert len(await books.texts()) == 5
        assert await push("c3", five[:1]) is SyncResult.WAITING
        await decide("c3", archive=True)
        assert await push("c3", five[:1]) is SyncResult.APPLIED
        assert list(await books.texts()) == ["a"]


async def test_a_source_wins_over_the_apps_text_and_gives_it_back_when_it_is_removed(
    dsn: str, clock: object, tmp_path: Path
) -> None:
    (tmp_path / "ops").mkdir()
    (tmp_path / "ops" / "a.md").write_text("# From the directory\n", encoding="utf-8")
    (tmp_path / "ops" / "link.md").symlink_to("/etc/hostname")
    async with world(dsn, clock, runbook_directory=tmp_path) as w:  # type: ignore[arg-type]
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await runbooks.save(tx, mara, "a", "# From the app\n", w.now)
        books = await library(w, SourceKind.DIRECTORY, "ops")
        await w.settle()
        assert await books.texts() == {"a": "# From the directory\n"}
        async with w.ctx.db.tx() as tx:
            assert [v.body for v in await runbooks.versions(tx, "a")] == [
                "# From the directory\n",
                "# From the app\n",
            ]
            with pytest.raises(Conflict):
                await runbooks.restore_version(tx, mara, "a", 1, w.now)
            await actions.remove(tx, mara, books.source_id, w.now)
        async with w.ctx.db.tx() as tx:
            await runbooks.restore_version(tx, mara, "a", 1, w.now)
        assert await books.texts() == {"a": "# From the app\n"}
        outside = await library(w, SourceKind.DIRECTORY, ".")
        async with w.ctx.db.tx() as tx:
            for url in ("../..", "ops/../../etc"):
                with pytest.raises(Invalid):
                    await actions.add(tx, mara, SourceKind.DIRECTORY, f"At {url}", w.now, url=url)
        (tmp_path / "ops" / "b.md").write_text("# B\n", encoding="utf-8")
        await outside.sync()
        assert sorted(await outside.texts()) == ["a", "b"]
