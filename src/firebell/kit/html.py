"""HTML pages: one environment, one shell around every page, one strict content security policy."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(slots=True)
class Shell:
    """What the frame around every page shows."""

    pages_waiting: int = 0
    exhausted: int = 0
    incidents: list[dict[str, Any]] = field(default_factory=list)


ShellOf = Callable[[Request], Awaitable[Shell]]


@cache
def fingerprint(name: str) -> str:
    """Return the address of a static file, which changes when its content does."""
    data = resources.files("firebell").joinpath(f"static/{name}").read_bytes()
    return f"/static/{name}?v={hashlib.sha256(data).hexdigest()[:10]}"


@cache
def scale_css() -> str:
    """Return the classes that stand for numbers, so that no page needs an inline style."""
    rules = [f".v-{i}{{--v:{i}%}}" for i in range(101)]
    rules += [f".h-{i}{{--h:{i * 30}}}" for i in range(12)]
    rules += [f".c-{i}{{grid-column-start:{i + 1}}}" for i in range(57)]
    rules += [f".s-{i}{{grid-column-end:span {i}}}" for i in range(1, 57)]
    rules += [f".x-{i}{{--x:{i / 1000:.3f}}}" for i in range(0, 1001, 5)]
    return "".join(rules)


def duration(found: timedelta) -> str:
    """Return a length of time in its two largest units."""
    seconds = max(0, int(found.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min" if minutes else f"{seconds} s"


def initials(name: str) -> str:
    """Return up to two letters that stand for a person."""
    words = name.split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper()


def wall(at: datetime, tz: str, now: datetime) -> str:
    """Return an instant as a wall clock in `tz` shows it: the time today, else with its day."""
    zone = ZoneInfo(tz)
    local, today = at.astimezone(zone), now.astimezone(zone)
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if abs(local.date() - today.date()) < timedelta(days=7):
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == today.year else f"{local.day} {local:%b %Y %H:%M}"


@cache
def _environment() -> jinja2.Environment:
    env = jinja2.Environment(
        loader=jinja2.PackageLoader("firebell"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["duration"] = duration
    env.filters["initials"] = initials
    env.globals["static"] = fingerprint
    env.globals["timedelta"] = timedelta
    return env


async def page(
    request: Request, template: str, context: dict[str, Any] | None = None, status: int = 200
) -> Response:
    """Return a page in the shell; who is signed in comes from `request.state`."""
    me = getattr(request.state, "me", None)
    shell_of: ShellOf = request.app.state.shell
    now = request.app.state.ctx.clock.now()
    tz = me.tz if me else "UTC"
    values = {
        "request": request,
        "me": me,
        "csrf": getattr(request.state, "csrf", ""),
        "now": now,
        "tz": tz,
        "wall": lambda at: wall(at, tz, now),
        "shell": await shell_of(request) if me else Shell(),
        "public_url": request.app.state.ctx.public_url,
        "nav": "",
        "live": "",
        **(context or {}),
    }
    return HTMLResponse(_environment().get_template(template).render(values), status, HEADERS)


def to(url: str) -> Response:
    """Return the answer to a form: look at `url` now (Post/Redirect/Get)."""
    return RedirectResponse(url, 303)
