"""The service worker, and its fallback page for when the server is unreachable and no copy is stored."""

import hashlib
import json
from functools import cache
from importlib import resources

from fastapi import Request, Response

from firebell import __version__
from firebell.kit.web import html, routing, static_files
from firebell.people import route_access

router = routing.html_router()

_ASSETS = (
    "firebell.css",
    "app.css",
    "scale.css",
    "oncall.css",
    *(name for name in static_files.names() if name.startswith("js/")),
    "vendor/icons.svg",
    "favicon.svg",
    "manifest.webmanifest",
    "fonts/geist.woff2",
)
_PAGE = "/offline"


@cache
def _script() -> str:
    """Return the service worker, whose text changes with the assets and the offline page so that browsers update it."""
    files = resources.files("firebell")
    worker = files.joinpath("static/sw.js").read_text(encoding="utf-8")
    assets = [*map(static_files.address, _ASSETS), _PAGE]
    templates = [files.joinpath(f"templates/{name}").read_text() for name in ("base.html", "offline.html")]
    release = hashlib.sha256("\n".join([__version__, worker, *assets, *templates]).encode()).hexdigest()[:10]
    facts = {"version": release, "files": static_files.version(), "assets": assets}
    return f"const RELEASE = {json.dumps(facts)};\n{worker}"


@router.get("/sw.js", dependencies=route_access.public("A browser updates it without its cookies."))
async def service_worker() -> Response:
    headers = {**html.HEADERS, "Cache-Control": "no-cache"}
    return Response(_script(), headers=headers, media_type="text/javascript")


@router.get(_PAGE, dependencies=route_access.public("Its content is the same for everyone."))
async def offline_page(request: Request) -> Response:
    return await html.render(request, "offline.html")
