"""Renders HTML pages: one template environment, one shell, one strict content security policy."""

import re
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from markupsafe import Markup, escape

from firebell.kit import private_reader, public_markdown
from firebell.kit.context import Context
from firebell.kit.countdown import countdown
from firebell.kit.durations import ago, duration
from firebell.kit.errors import FirebellError
from firebell.kit.localtime import (
    day_name,
    format_full,
    format_range,
    format_short,
    to_input_value,
    zone_names,
)
from firebell.kit.process_health import HealthWarning
from firebell.kit.slice import NavItem, SettingsGroup, SettingsTab
from firebell.kit.web import csrf, flash, redirects, routing, static_files, template_compiler, transaction
from firebell.kit.web.compression import accepts_gzip
from firebell.kit.web.file_names import disposition
from firebell.kit.web.render_cache import Reader, RenderCache, Rendering
from firebell.kit.web.template_compiler import CompiledTemplates

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Firebell-Page": "1",
}
OFFLINE = "Firebell-Offline"
"""Header of a page that the service worker may store, with the id of the person it was rendered for."""
CSRF, NOW, PERSON = "X-CSRF", "Firebell-Now", "Firebell-Person"
"""Headers of a shared page for the values that differ by response: form token, time and signed-in person."""
_FRAME_TOPICS = ("pages", "incidents")
"""The live topics of the counters in the shell."""


@dataclass(slots=True)
class Shell:
    """The values shown in the shell of every page."""

    pages_waiting: int = 0
    exhausted: int = 0
    incidents: Sequence[Any] = ()
    commands: Sequence[Any] = ()
    warnings: Sequence[HealthWarning] = ()
    """What is wrong with this installation, what delays pages first."""

    @property
    def live_incidents(self) -> int:
        """Number of open incidents."""
        return len(self.incidents)


ShellOf = Callable[[Request], Awaitable[Shell]]


def initials(name: str) -> str:
    """Return the initials of a person, at most two letters."""
    names = name.split() or ["?"]
    return "".join(word[0] for word in (names[:1] + names[-1:] if len(names) > 1 else names)).upper()


_LINK = re.compile(
    r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]|\b(?:PG|INC)-[1-9]\d{0,17}\b|\*\*(?=\S)([^*\n]+)(?<=\S)\*\*"
)


def linked(text: str) -> Markup:
    """Return text with links for web addresses and references to pages and incidents; `**` is bold."""
    parts, at = [], 0
    for match in _LINK.finditer(text):
        word = match[0]
        if match[1]:
            parts += [escape(text[at : match.start()]), Markup("<b>{}</b>").format(linked(match[1]))]
            at = match.end()
            continue
        href = word if "://" in word else f"/{'pages' if word.startswith('PG') else 'incidents'}/{word}"
        parts += [
            escape(text[at : match.start()]),
            Markup('<a href="{}" rel="noopener">{}</a>').format(href, word),
        ]
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


@cache
def time_zones() -> list[str]:
    """Return the IANA time zones named after places, and UTC."""
    old = ("Etc/", "SystemV/", "US/", "posix/", "right/")
    return ["UTC", *sorted(z for z in zone_names() if "/" in z and not z.startswith(old))]


def template_environment(bytecode: jinja2.BytecodeCache | None = None) -> jinja2.Environment:
    """Return the environment of all templates, which loads what is compiled from `bytecode`."""
    env = jinja2.Environment(
        bytecode_cache=bytecode,
        loader=jinja2.PackageLoader("firebell"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["countdown"] = countdown
    env.filters["duration"] = duration
    env.filters["initials"] = initials
    env.filters["linked"] = linked
    env.filters["public_markdown"] = public_markdown.to_html
    env.globals["static"] = static_files.address
    env.globals["timedelta"] = timedelta
    return env


@cache
def _environment() -> jinja2.Environment:
    return template_environment(CompiledTemplates())


async def compile_templates() -> None:
    """Compile the templates in a child process, unless this process has compiled some already."""
    env = _environment()
    assert isinstance(env.bytecode_cache, CompiledTemplates)
    if not env.cache:
        await template_compiler.precompile(env.bytecode_cache)


def ctx(request: Request) -> Context:
    """Return the context of the running process."""
    context: Context = request.app.state.ctx
    return context


def _links(request: Request, section: str | None) -> list[NavItem]:
    """Return the navigation links that the person may see, of one section or of all."""
    may = request.state.may
    return [
        link
        for link in request.app.state.navigation
        if section in (None, link.section) and (not link.verb or may(link.verb))
    ]


def _settings_tabs(request: Request) -> dict[SettingsGroup, list[SettingsTab]]:
    """Return the tabs of the settings that the person may see, by group."""
    may = request.state.may
    tabs: Sequence[SettingsTab] = request.app.state.settings_tabs
    return {
        group: [tab for tab in tabs if tab.group is group and (not tab.verb or may(tab.verb))]
        for group in SettingsGroup
    }


async def render(
    request: Request,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    kept_offline: bool = False,
) -> Response:
    """Return a page in the shell; who is signed in comes from `request.state`.

    The `error` of the context is why the form was refused: it gives the response its status,
    and the template the `errors` of its fields.

    With `kept_offline` the person's browser may keep a copy, which it shows when the server cannot be reached.
    """
    me = getattr(request.state, "me", None)
    shell_of: ShellOf | None = getattr(request.app.state, "shell", None)
    error: FirebellError | None = (context or {}).get("error")
    status = error.status if error else HTTPStatus.OK
    # the shell reads the database, which may be what failed on an error page
    framed = me is not None and shell_of is not None and status < HTTPStatus.INTERNAL_SERVER_ERROR
    now = transaction.now(request)
    message = flash.waiting(request, now) if framed and status == HTTPStatus.OK else None
    values = {
        **_values(request, context or {}, me, now),
        "request": request,
        "csrf": csrf.mask(getattr(request.state, "csrf", "")),
        "shell": await shell_of(request) if framed and shell_of else Shell(),
        "flash": message,
        **(context or {}),
    }
    values |= {"form_errors": values["errors"], **_topics(values["live"])}
    response = HTMLResponse(_environment().get_template(template).render(values), status, HEADERS)
    # a one-time message must not be shown again from a stored copy
    if kept_offline and me is not None and not message:
        response.headers[OFFLINE] = str(me.id)
    if message:
        flash.clear(response)
    return response


def _values(request: Request, context: Mapping[str, Any], me: Any, now: datetime) -> dict[str, Any]:
    """Return the values that every template gets for a reader."""
    tz = context.get("tz") or (me.tz if me else "UTC")
    error: FirebellError | None = context.get("error")
    return {
        "me": me,
        "shared": False,
        "may": getattr(request.state, "may", lambda verb: False),
        "now": now,
        "tz": tz,
        "wall": lambda at: format_short(at, tz, now),
        "day_name": lambda at: day_name(at, tz, now),
        "time_of_day": lambda at: f"{at.astimezone(ZoneInfo(tz)):%H:%M}",
        "span": lambda start, end: format_range(start, end, tz),
        "absolute": lambda at: format_full(at, tz),
        "typed": lambda at: to_input_value(at, tz),
        "ago": lambda at: ago(at, now),
        "links": lambda section=None: _links(request, section),
        "settings_tabs": lambda: _settings_tabs(request),
        "public_url": ctx(request).public_url,
        "nav": "",
        "live": "",
        "errors": error.fields if error else {},
    }


def _topics(live: str) -> dict[str, str]:
    """Return the live topics of a page, and those of the shell only, which may update later."""
    own = dict.fromkeys(topic for topic in live.split(",") if topic)
    return {"live": ",".join(own), "frame": ",".join(t for t in _FRAME_TOPICS if t not in own)}


def render_public(template: str, context: Mapping[str, Any]) -> str:
    """Return a page that everyone sees alike, rendered without a request."""
    return _environment().get_template(template).render(context)


def is_live_refresh(request: Request) -> bool:
    """Return True if an open page requests its own live parts."""
    return flash.LIVE_REFRESH in request.headers


ContextOf = Callable[[int | None], Awaitable[tuple[dict[str, Any], frozenset[int]]]]
"""Returns the template values for one person by id; with None, for everyone except the ids it returns."""


async def render_shared(
    request: Request, template: str, key: tuple[Hashable, ...], context_of: ContextOf
) -> Response:
    """Return the live parts of a page, rendered once for all of one role and time zone who see the same.

    `key` has what else decides what they see. Neither the person nor a token is known to the template; the token
    of the forms is in a header, and the browser puts it into them.
    """
    me, shell_of = request.state.me, request.app.state.shell
    reader = Reader(me.role, me.tz)

    async def render_for(person_id: int | None) -> Rendering:
        if person_id is not None:
            return await rendered(person_id)
        with private_reader.shared():
            return await rendered(None)

    async def rendered(person_id: int | None) -> Rendering:
        context, personal = await context_of(person_id)
        values = {
            **_values(request, context, reader, ctx(request).clock.now()),
            "shared": True,
            "csrf": "",
            "shell": await shell_of(request),
            **context,
        }
        values |= {"form_errors": values["errors"], **_topics(values["live"])}
        text = _environment().get_template(template).render(values)
        return Rendering(text, frozenset(values["live"].split(",")), personal)

    pages: RenderCache = request.app.state.render_cache
    stored = await pages.get((template, *key, reader), me.id, render_for)
    headers = {
        **HEADERS,
        "ETag": stored.etag,
        "Vary": "Accept-Encoding",
        CSRF: csrf.mask(request.state.csrf),
        NOW: str(ctx(request).clock.now().timestamp()),
        PERSON: str(me.id),
    }
    if request.headers.get("if-none-match") == stored.etag:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    if accepts_gzip(request.headers):
        return HTMLResponse(stored.gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return HTMLResponse(stored.plain, headers=headers)


def download(body: bytes, name: str) -> Response:
    """Return untrusted bytes as a plain-text download that no browser interprets."""
    headers = {**HEADERS, "Content-Disposition": disposition(name)}
    return Response(body, headers=headers, media_type="text/plain")


def redirect(url: str) -> Response:
    """Return the redirect to `url` after a form (Post/Redirect/Get)."""
    return redirects.see_other(url)


def address(path: str, **query: object) -> str:
    """Return a path with its non-empty query parameters."""
    filled = {name: str(value) for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(filled)}" if filled else path


_MOST_SEGMENTS = 10
"""Segments of the longest address of a page, and some more."""


def came_from(request: Request) -> str:
    """Return the path of the Firebell page that a request came from; `/` if unknown.

    A refused form is shown at the address that it was sent to; if that has no page, it is the nearest page above it.
    """
    try:
        referer = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/"
    if referer.netloc not in ("", request.url.netloc):
        return "/"
    path = referer.path
    if path.count("/") > _MOST_SEGMENTS:
        # each is compared with all routes
        return "/"
    while path.strip("/") and "GET" not in _methods(request, path):
        path = path.rpartition("/")[0]
    return local({"back": f"{path}?{referer.query}" if referer.query and path == referer.path else path}, "/")


def _methods(request: Request, path: str) -> set[str]:
    return routing.allowed_methods(request.app.state.page_routes, {**request.scope, "path": path})


def redirect_back(form: Mapping[str, Any], otherwise: str) -> Response:
    """Redirect to the Firebell page in the form's field `back`, else to `otherwise`."""
    return redirect(local(form, otherwise))


def local(form: Mapping[str, Any], otherwise: str) -> str:
    """Return the path of the Firebell page in the form's field `back`, else `otherwise`."""
    target = str(form.get("back", ""))
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else otherwise
