"""The documents of one status page at one instant, each rendered once when it is first asked for."""

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

from firebell.kit.web import html
from firebell.status_pages import badge, component_history, feeds, public_api
from firebell.status_pages.maintenance import calendar, texts
from firebell.status_pages.maintenance.model import MAINTENANCE_STAGE_LABELS, Maintenance
from firebell.status_pages.model import STAGE_LABELS, STATUS_LABELS, ComponentStatus, PublicIncident
from firebell.status_pages.view import STATES, StatusView

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
ATOM = "application/atom+xml; charset=utf-8"
RSS = "application/rss+xml; charset=utf-8"
SVG = "image/svg+xml"
CALENDAR = "text/calendar; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
_LABELS: dict[str, str] = {str(k): v for k, v in (*STAGE_LABELS.items(), *MAINTENANCE_STAGE_LABELS.items())}


@dataclass(frozen=True, slots=True)
class Document:
    """A rendered document with its strong validator."""

    body: bytes
    gzipped: bytes
    media_type: str
    etag: str


def document(text: str, media_type: str) -> Document:
    """Return a text as a document."""
    body = text.encode()
    return Document(body, gzip.compress(body, 6, mtime=0), media_type, hashlib.sha256(body).hexdigest()[:16])


class StatusDocuments:
    """The documents of a status page; `base` is the path it is served under, `url` its whole address."""

    def __init__(self, view: StatusView, base: str, url: str) -> None:
        self.view = view
        self._base = base
        self._url = url
        self._rendered: dict[tuple[str, bool], Document] = {}
        self._incidents = {incident.public_id: incident for incident in view.snapshot.incidents}
        self._maintenances = {window.public_id: window for window in view.snapshot.maintenances}

    def get(self, path: str, *, is_stale: bool = False) -> Document | None:
        """Return the document at a path such as `/history.atom`, None if there is none."""
        key = (path, is_stale)
        if key not in self._rendered:
            render = self._renderer(path, is_stale=is_stale)
            if render is None:
                return None
            self._rendered[key] = render()
        return self._rendered[key]

    def badge(self, query: str) -> Document | None:
        """Return the badge for a query with `component` and `label`, None if there is no such component."""
        fields = {name: values[0] for name, values in parse_qs(query, max_num_fields=10).items()}
        label, state = self.view.snapshot.page.name, self.view.state
        if wanted := fields.get("component"):
            shown = next((c for c in self.view.components if c.component.public_id == wanted), None)
            if shown is None:
                return None
            label, state = shown.component.name, shown.state
        return document(badge.badge(fields.get("label") or label, state), SVG)

    @cached_property
    def _api(self) -> dict[str, dict[str, Any]]:
        return public_api.documents(self.view, self._url)

    def _renderer(self, path: str, *, is_stale: bool) -> Callable[[], Document] | None:
        if path.startswith("/api/v2/"):
            body = self._api.get(path.removeprefix("/api/v2/"))
            return None if body is None else lambda: document(_json(body), JSON)
        if path.startswith("/incidents/"):
            incident = self._incidents.get(path.removeprefix("/incidents/"))
            return None if incident is None else lambda: self._incident(incident, is_stale=is_stale)
        if path.startswith("/maintenance/"):
            window = self._maintenances.get(path.removeprefix("/maintenance/"))
            return None if window is None else lambda: self._maintenance(window, is_stale=is_stale)
        renderers: dict[str, Callable[[], Document]] = {
            "": lambda: self._page("public.html", is_stale=is_stale),
            "/history": lambda: self._page("public_history.html", is_stale=is_stale),
            "/uptime": lambda: self._page("public_uptime.html", is_stale=is_stale),
            "/history.atom": lambda: document(feeds.atom(self.view, self._url), ATOM),
            "/history.rss": lambda: document(feeds.rss(self.view, self._url), RSS),
            "/maintenance.ics": lambda: document(self._calendar(), CALENDAR),
            "/embed": lambda: self._page("embed.html", is_stale=is_stale),
            "/embed.js": lambda: document(html.render_public("status_pages/embed.js", {}), SCRIPT),
            "/status.json": lambda: document(_json(self._status()), JSON),
        }
        return renderers.get(path)

    def _incident(self, incident: PublicIncident, *, is_stale: bool) -> Document:
        affected = []
        for shown in self.view.components:
            said = component_history.steps(incident, shown.component.id)
            if not said:
                continue
            spans = component_history.spans([incident], shown.component.id, said[0][0], self.view.now)
            worse = [span for span in spans if span.status is not ComponentStatus.OPERATIONAL]
            affected.append((shown.component.name, worse))
        return self._page("public_incident.html", is_stale=is_stale, incident=incident, affected=affected)

    def _maintenance(self, window: Maintenance, *, is_stale: bool) -> Document:
        names = [s.component.name for s in self.view.components if s.component.id in window.component_ids]
        return self._page("public_maintenance.html", is_stale=is_stale, window=window, names=names)

    def _calendar(self) -> str:
        view = self.view
        return calendar.calendar(view.snapshot.page.name, view.snapshot.maintenances, self._url)

    def _page(self, template: str, *, is_stale: bool, **more: object) -> Document:
        tz = self.view.snapshot.page.tz
        context = {
            "view": self.view,
            "base": self._base,
            "clock": lambda at: _clock(at, tz, self.view.now),
            "day": lambda at: f"{at.astimezone(ZoneInfo(tz)):%-d %b %Y}",
            "now": self.view.now,
            "window_text": lambda window: texts.window_text(window.planned, tz),
            "url": self._url,
            "stage_labels": _LABELS,
            "status_labels": STATUS_LABELS,
            "states": STATES,
            "stale_since": self.view.now if is_stale else None,
            **more,
        }
        return document(html.render_public(f"status_pages/{template}", context), HTML)

    def _status(self) -> dict[str, object]:
        """Return our own document: the worst status, uptimes and bars, which Statuspage's API does not have."""
        view = self.view
        return {
            "as_of": public_api.instant(view.now),
            "headline": view.headline,
            "worst": view.worst.code,
            "indicator": view.indicator.impact.code,
            "components": [
                {
                    "id": shown.component.public_id,
                    "name": shown.component.name,
                    "status": shown.status.code,
                    "uptime_90d": None if shown.uptime is None else float(shown.uptime),
                    "days": [bar.state for bar in shown.bars],
                }
                for shown in view.components
            ],
            "incidents": [
                {
                    "id": incident.public_id,
                    "name": incident.name,
                    "stage": incident.stage,
                    "next_update_at": _instant(incident.updates[-1].next_update_at),
                }
                for incident in view.open_incidents
            ],
            "maintenances": [
                {
                    "id": window.public_id,
                    "name": window.name,
                    "stage": window.stage,
                    "scheduled_for": public_api.instant(window.scheduled_for),
                    "scheduled_until": public_api.instant(window.scheduled_until),
                }
                for window in (*view.active_maintenances, *view.next_maintenances)
            ],
        }


def _instant(at: datetime | None) -> str | None:
    return public_api.instant(at) if at else None


def _json(body: object) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _clock(at: datetime, tz: str, now: datetime) -> str:
    """Return an instant with its day, unless it is today, and its zone: the text is cached, so nothing relative."""
    local, today = at.astimezone(ZoneInfo(tz)), now.astimezone(ZoneInfo(tz))
    day = "" if local.date() == today.date() else f"{local:%-d %b} "
    return f"{day}{local:%H:%M %Z}"
