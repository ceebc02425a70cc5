"""Serves `firebell/static` under versioned URLs, with text compressed once."""

import gzip
import hashlib
import os
import re
from functools import cache
from importlib import resources
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, PathLike, StaticFiles
from starlette.types import Scope

from firebell.kit.web.compression import accepts_gzip

_VERSION = re.compile(r"[0-9a-f]{10}")
_COMPRESSED = (".css", ".js", ".svg", ".webmanifest")


@cache
def names() -> list[str]:
    """Return the names of all static files, sorted."""
    root = Path(str(resources.files("firebell"))) / "static"
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


@cache
def version() -> str:
    """Return the common version of all static files, which changes when any of them does.

    One version for all keeps the modules that import one another, and what a style sheet refers to, of one release.
    """
    digest = hashlib.sha256()
    for name in names():
        data = read(name)
        digest.update(f"{name} {len(data)}\n".encode() + data)
    return digest.hexdigest()[:10]


@cache
def address(name: str) -> str:
    """Return the versioned URL of a static file; raise KeyError if there is none."""
    if name not in names():
        raise KeyError(name)
    return f"/static/{version()}/{name}"


def read(name: str) -> bytes:
    """Return the content of a static file."""
    return resources.files("firebell").joinpath(f"static/{name}").read_bytes()


@cache
def _gzipped(path: str, modified_ns: int) -> bytes:
    return gzip.compress(Path(path).read_bytes(), 9, mtime=0)


class VersionedFiles(StaticFiles):
    """Serves `firebell/static`: cached forever under the current version, revalidated under any other URL.

    A page of another release gets the current files under its own version, so that it still works.
    """

    def __init__(self) -> None:
        super().__init__(packages=[("firebell", "static")])

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, _, rest = path.partition(os.sep)
        response = await super().get_response(rest if _VERSION.fullmatch(first) else path, scope)
        if path.endswith(".webmanifest"):
            response.headers["Content-Type"] = "application/manifest+json"
        lasting = first == version()
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if lasting else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        path = str(full_path)
        if not path.endswith(_COMPRESSED):
            return super().file_response(full_path, stat_result, scope, status_code)
        headers = Headers(scope=scope)
        response: Response = (plain := FileResponse(path, status_code, stat_result=stat_result))
        if accepts_gzip(headers):
            response = Response(
                _gzipped(path, stat_result.st_mtime_ns),
                status_code,
                {
                    "ETag": f'{plain.headers["etag"].removesuffix(chr(34))}-gzip"',
                    "Last-Modified": plain.headers["last-modified"],
                    "Content-Encoding": "gzip",
                    "Vary": "Accept-Encoding",
                },
                plain.media_type,
            )
        return (
            NotModifiedResponse(response.headers)
            if self.is_not_modified(response.headers, headers)
            else response
        )
