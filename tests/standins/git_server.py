"""A Git server over HTTP in the test process: dulwich's, with faults, tokens and redirects."""

import base64
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from dulwich.objects import Blob, Commit, ObjectID, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo
from dulwich.server import DictBackend
from dulwich.web import HTTPGitApplication

BRANCH = Ref(b"refs/heads/main")


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the signature of the base class
        """Log nothing."""


@dataclass
class GitHost:
    """A repository at `/ops/runbooks.git`, and what its server does besides answering."""

    repo: Repo
    port: int = 0
    token: str = ""
    """The password that is required, if any."""
    redirect: str = ""
    """Where every request is sent instead."""
    garbage: bytes = b""
    """What is answered instead of a pack."""
    requests: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of the repository."""
        return f"http://127.0.0.1:{self.port}/ops/runbooks.git"

    def commit(
        self,
        files: Mapping[str, bytes],
        *,
        ref: Ref = BRANCH,
        modes: Mapping[str, int] | None = None,
        root: bool = False,
    ) -> str:
        """Commit exactly these files and return the id; with `root` the history begins again, as a forced push does."""
        store = self.repo.object_store
        tree: dict[str, Any] = {}
        for path, data in files.items():
            folder = tree
            *parents, name = path.split("/")
            for parent in parents:
                folder = folder.setdefault(parent, {})
            blob = Blob.from_string(data)
            store.add_object(blob)
            folder[name] = (dict(modes or {}).get(path, 0o100644), blob.id)
        commit = Commit()
        commit.tree = self._tree(tree)
        commit.author = commit.committer = b"Sam Ops <sam@example.org>"
        commit.commit_time = commit.author_time = 1_790_000_000
        commit.commit_timezone = commit.author_timezone = 0
        commit.message = b"Change runbooks\n\nMore."
        commit.parents = [] if root or ref not in self.repo.refs else [self.repo.refs[ref]]
        store.add_object(commit)
        self.repo.refs[ref] = commit.id
        return commit.id.decode()

    def _tree(self, entries: Mapping[str, Any]) -> ObjectID:
        tree = Tree()
        for name, entry in entries.items():
            mode, sha = (0o040000, self._tree(entry)) if isinstance(entry, dict) else entry
            tree.add(name.encode(), mode, sha)
        self.repo.object_store.add_object(tree)
        return tree.id

    def delete(self, ref: Ref = BRANCH) -> None:
        """Delete a branch."""
        del self.repo.refs[ref]

    def app(self, serve: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
        """Return the WSGI app with the faults around `serve`."""

        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            self.requests.append(environ["PATH_INFO"])
            if self.redirect:
                target = self.redirect + environ["PATH_INFO"] + "?" + environ["QUERY_STRING"]
                start("302 Found", [("Location", target)])
                return [b""]
            wanted = base64.b64encode(f"firebell:{self.token}".encode()).decode()
            if self.token and environ.get("HTTP_AUTHORIZATION") != f"Basic {wanted}":
                start("401 Unauthorized", [("WWW-Authenticate", "Basic")])
                return [b""]
            if self.garbage and environ["REQUEST_METHOD"] == "POST":
                start("200 OK", [("Content-Type", "application/x-git-upload-pack-result")])
                return [self.garbage]
            return serve(environ, start)

        return answer


@contextmanager
def git_host(folder: Path) -> Iterator[GitHost]:
    """Yield a running Git server with an empty repository."""
    folder.mkdir(parents=True, exist_ok=True)
    repo = Repo.init_bare(str(folder))
    repo.refs.set_symbolic_ref(Ref(b"HEAD"), BRANCH)
    host = GitHost(repo)
    application = HTTPGitApplication(DictBackend(cast("Any", {"/ops/runbooks.git": repo})))
    server = make_server("127.0.0.1", 0, host.app(application), WSGIServer, _Quiet)
    host.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield host
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        repo.close()
