"""Fetch one commit of a Git repository over HTTPS: bare, depth 1, in process, without a git program (spec 11.2).

Dulwich speaks the protocol in a thread; every request it makes is sent by the guarded client of `kit.http_out`, so
that each connection goes to a checked address. The pack is read in a child process with limits on time and memory.
"""

import asyncio
import base64
import contextlib
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
from dulwich.client import AbstractHttpGitClient
from dulwich.errors import GitProtocolError, HangupException
from dulwich.object_store import ObjectStoreGraphWalker

from firebell.kit import private_files
from firebell.kit.errors import Invalid
from firebell.kit.http_out import check_url, open_stream
from firebell.kit.process_pool import ProcessPool, TakesTooLong
from firebell.kit.threads import Pool
from firebell.runbooks.sources.model import (
    OBJECTS_MAX_BYTES,
    SYNC_LIMIT_S,
    RunbookSource,
    Snapshot,
    SyncFailure,
    Unchanged,
)

READ_LIMIT_S = 30.0
_REDIRECTS = 3
_IN_MEMORY_BYTES = 1024**2
_FETCHES = Pool("git fetches", size=2, queue=16)
_PACKS = ProcessPool(READ_LIMIT_S)
_TOO_LARGE = (
    f"The files of the branch have more than {OBJECTS_MAX_BYTES // 1024**2} MiB. Use a smaller repository."
)


async def fetch(
    http: httpx.AsyncClient, source: RunbookSource, token: str, last_commit: str
) -> Snapshot | Unchanged:
    """Return the runbooks of a repository at its ref, or that the ref still is at `last_commit`.

    Raise `SyncFailure` with the reason if it cannot be read within the limits.
    """
    with tempfile.TemporaryDirectory(prefix="firebell-git-") as folder:
        try:
            async with asyncio.timeout(SYNC_LIMIT_S):
                commit = await _fetch_pack(http, source, token, last_commit, Path(folder))
                return Unchanged() if commit is None else await _snapshot(source, commit, Path(folder))
        except TimeoutError as exc:
            raise SyncFailure(f"The server did not answer within {SYNC_LIMIT_S:g} seconds.") from exc


async def _fetch_pack(
    http: httpx.AsyncClient, source: RunbookSource, token: str, last_commit: str, folder: Path
) -> str | None:
    """Store the pack of the ref's commit in `folder`; return None if that is `last_commit`."""
    loop = asyncio.get_running_loop()
    client = _Client(source.url, _Requests(http, loop, source.url, token))
    wanted: list[bytes] = []

    def determine_wants(refs: Mapping[bytes, bytes], depth: int | None = None) -> list[bytes]:
        if not refs:
            raise SyncFailure("The repository is empty: it has no commits.")
        sha = _resolve(refs, source.ref)
        wanted.append(sha)
        return [] if sha.decode() == last_commit else [sha]

    def run() -> None:
        walker = ObjectStoreGraphWalker([], lambda sha: [])
        with private_files.create_private(folder / "pack") as pack:
            client.fetch_pack(
                "",
                cast("Any", determine_wants),
                walker,
                pack.write,
                depth=1,
                ref_prefix=[b"HEAD", *_names(source.ref)],
            )

    try:
        await _FETCHES.run(run)
    except (GitProtocolError, HangupException, AssertionError, ValueError, KeyError, IndexError) as exc:
        raise SyncFailure(f"The server does not answer like a Git server: {str(exc)[:200]}.") from exc
    if not wanted:
        raise SyncFailure("The repository is empty: it has no commits.")
    return None if wanted[0].decode() == last_commit else wanted[0].decode()


def _names(ref: str) -> list[bytes]:
    """Return the full names that a ref can have; none for the default branch."""
    if not ref:
        return []
    if ref.startswith("refs/"):
        return [ref.encode()]
    return [f"refs/heads/{ref}".encode(), f"refs/tags/{ref}".encode()]


def _resolve(refs: Mapping[bytes, bytes], ref: str) -> bytes:
    for name in _names(ref) or [b"HEAD"]:
        if name in refs:
            return refs[name]
    raise SyncFailure(
        f"The repository has no branch or tag {ref}." if ref else "The repository has no default branch."
    )


async def _snapshot(source: RunbookSource, commit: str, folder: Path) -> Snapshot:
    try:
        answer = await _PACKS.call(
            "firebell.runbooks.sources.pack_reader:read_pack", str(folder), commit, list(source.paths)
        )
    except TakesTooLong as exc:
        raise SyncFailure("The repository takes too much time or memory to unpack.") from exc
    problem = msgspec.json.decode(answer, type=str)
    if problem:
        raise SyncFailure(problem)
    return msgspec.json.decode((folder / "snapshot.json").read_bytes(), type=Snapshot)


@dataclass(frozen=True, slots=True)
class _Response:
    """A response as dulwich reads it."""

    content_type: str | None
    redirect_location: str
    status: int
    body: IO[bytes]

    def close(self) -> None:
        """Discard the body."""
        self.body.close()


class _Requests:
    """Sends the requests of a thread on the event loop, with the guarded client, and limits what they return."""

    def __init__(
        self, http: httpx.AsyncClient, loop: asyncio.AbstractEventLoop, base_url: str, token: str
    ) -> None:
        self._http = http
        self._loop = loop
        self._origin = _origin(base_url)
        self._token = token
        self._left = OBJECTS_MAX_BYTES

    def send(self, url: str, headers: Mapping[str, str], data: bytes | None) -> _Response:
        """Return the response of the server; called in a thread. Raise `SyncFailure` if it can't be read."""
        answer = asyncio.run_coroutine_threadsafe(self._send(url, headers, data), self._loop)
        try:
            return answer.result(SYNC_LIMIT_S)
        except TimeoutError as exc:
            answer.cancel()
            raise SyncFailure(f"The server did not answer within {SYNC_LIMIT_S:g} seconds.") from exc

    async def _send(self, url: str, headers: Mapping[str, str], data: bytes | None) -> _Response:
        target = url
        for _ in range(_REDIRECTS + 1):
            async with self._open(target, headers, data) as response:
                if response.has_redirect_location and data is None:
                    target = self._redirected(target, response.headers["location"])
                    continue
                _refuse(response)
                body = await self._body(response)
                redirected = target if target != url else ""
                return _Response(response.headers.get("content-type"), redirected, response.status_code, body)
        raise SyncFailure(f"The server redirects more than {_REDIRECTS} times.")

    @contextlib.asynccontextmanager
    async def _open(
        self, url: str, headers: Mapping[str, str], data: bytes | None
    ) -> AsyncIterator[httpx.Response]:
        sent = {**headers, "User-Agent": "git/firebell"}
        if self._token and _origin(url) == self._origin:
            # the user name is free on GitHub, GitLab and Gitea; the token is the password
            pair = base64.b64encode(f"firebell:{self._token}".encode()).decode()
            sent["Authorization"] = f"Basic {pair}"
        try:
            method = "GET" if data is None else "POST"
            async with open_stream(
                self._http, method, url, headers=sent, content=data, limit_s=SYNC_LIMIT_S
            ) as response:
                yield response
        except httpx.HTTPError as exc:
            raise SyncFailure(
                f"The server cannot be reached: {str(exc)[:200] or type(exc).__name__}."
            ) from exc

    def _redirected(self, url: str, location: str) -> str:
        try:
            target = check_url(urljoin(url, location))
        except Invalid as exc:
            raise SyncFailure(
                f"The server redirects to an address that cannot be used: {exc.message}"
            ) from exc
        if url.startswith("https://") and not target.startswith("https://"):
            raise SyncFailure("The server redirects to an address without encryption.")
        return target

    async def _body(self, response: httpx.Response) -> IO[bytes]:
        body = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 - dulwich closes it
        try:
            async for chunk in response.aiter_raw():
                self._left -= len(chunk)
                if self._left < 0:
                    raise SyncFailure(_TOO_LARGE)
                body.write(chunk)
        except BaseException:
            body.close()
            raise
        body.seek(0)
        return cast("IO[bytes]", body)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _refuse(response: httpx.Response) -> None:
    """Raise `SyncFailure` for a response that is not a success."""
    status = response.status_code
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise SyncFailure(f"The server refused the access token ({status}). Enter a new one.")
    if status in (httpx.codes.NOT_FOUND, httpx.codes.GONE):
        raise SyncFailure("There is no repository at this URL, or the access token may not read it.")
    if not response.is_success:
        raise SyncFailure(f"The server answered {status} {response.reason_phrase[:100]}.")


class _Client(AbstractHttpGitClient):
    """Dulwich's client of smart HTTP, without its own connections and without the old file protocol."""

    def __init__(self, url: str, requests: _Requests) -> None:
        super().__init__(url, dumb=False, quiet=True)
        self._requests = requests

    def _http_request(
        self,
        url: str,
        headers: dict[str, str] | None = None,
        data: Any = None,
        raise_for_status: bool = True,
    ) -> tuple[Any, Callable[[int], bytes]]:
        body = data if data is None or isinstance(data, bytes) else b"".join(data)
        response = self._requests.send(url, headers or {}, body)
        if body is None and not (response.content_type or "").startswith("application/x-git-"):
            response.close()
            raise SyncFailure("The URL does not lead to a Git repository.")
        return response, response.body.read
