"""The documents of one status page at one instant, each rendered once when it is first asked for."""

import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import parse_qs

from markupsafe import Markup

from firebell.kit.web import html, static_files
from firebell.status_pages import archive as archives
from firebell.status_pages import derived_status
from firebell.status_pages.archive import Archive, ArchiveKey, Month
from firebell.status_pages.maintenance_windows import calendar
from firebell.status_pages.maintenance_windows.model import MAINTENANCE_STAGE_LABELS, Maintenance
from firebell.status_pages.model import (
    STAGE_LABELS,
    STATUS_LABELS,
    STATUS_LOOKS,
    ComponentStatus,
    PublicIncident,
)
from firebell.status_pages.public import badge, feeds, statuspage_json, theme_colors
from firebell.status_pages.public.headlines import affected_text, headline
from firebell.status_pages.public.languages import ENGLISH, Language, languages
from firebell.status_pages.public.theme import PageTheme
from firebell.status_pages.uptime import daily as uptime
from firebell.status_pages.uptime import monthly as monthly_uptime
from firebell.status_pages.view import HISTORY, ComponentView, StatusView

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
ATOM = "application/atom+xml; charset=utf-8"
RSS = "application/rss+xml; charset=utf-8"
CSS = "text/css; charset=utf-8"
SVG = "image/svg+xml"
CALENDAR = "text/calendar; charset=utf-8"
SCRIPT = "text/javascript; charset=utf-8"
ASSETS = {
    "firebell.css": CSS,
    "status.css": CSS,
    "favicon.svg": SVG,
    "js/status.js": SCRIPT,
    "js/dom.js": SCRIPT,
    "js/morph.js": SCRIPT,
    "fonts/geist.woff2": "font/woff2",
    "fonts/geist-mono.woff2": "font/woff2",
}
"""The static files that a page uses, with their media types."""
_LABELS = {status.code: label for status, label in STATUS_LABELS.items()}
_STAGE_LABELS: dict[str, str] = {
    str(k): v for k, v in (*STAGE_LABELS.items(), *MAINTENANCE_STAGE_LABELS.items())
}


@dataclass(frozen=True, slots=True)
class Document:
    """A rendered document with its strong validator."""

    body: bytes
    gzipped: bytes
    media_type: str
    etag: str
    heads: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    """The heads of responses that the edge prepared for it."""


def document(content: str | bytes, media_type: str) -> Document:
    """Return a text or bytes as a document."""
    body = content if isinstance(content, bytes) else content.encode()
    return Document(body, gzip.compress(body, 6, mtime=0), media_type, hashlib.sha256(body).hexdigest()[:16])


def query_fields(query: str) -> dict[str, str]:
    """Return the first value of each field of a query or form; of one with too many fields, none."""
    try:
        return {name: values[0] for name, values in parse_qs(query, max_num_fields=10).items()}
    except ValueError:
        return {}


def asset_path(name: str) -> str:
    """Return the path of a static file below a status page; it changes with each release."""
    return f"/static/{static_files.version()}/{name}"


@lru_cache(maxsize=256)
def sign_in_form(base: str, theme: PageTheme, *, is_refused: bool = False) -> Document:
    """Return the form on which readers of a private page enter its password; it tells nothing else of the page."""
    language = languages().get(theme.locale, languages()["en"])
    context = {
        "t": language.text,
        "language": language,
        "base": base,
        "static": lambda name: base + asset_path(name),
        "is_refused": is_refused,
    }
    return document(html.render_public("status_pages/public_sign_in.html", context), HTML)


@dataclass(frozen=True, slots=True)
class OtherLanguage:
    """A link to the same page in another language."""

    code: str
    name: str
    address: str


def locales_of(theme: PageTheme) -> list[str]:
    """Return the languages of a page by code, its own first."""
    default = theme.locale if theme.locale in languages() else "en"
    return [default, *(code for code in theme.locales if code in languages() and code != default)]


class StatusDocuments:
    """The documents of a status page; `base` is the path it is served under, `url` its whole address."""

    def __init__(
        self,
        view: StatusView,
        base: str,
        url: str,
        theme: PageTheme | None = None,
        subscribe_url: str = "",
        archive: Mapping[ArchiveKey, Archive] | None = None,
    ) -> None:
        self.view = view
        self._base = base
        self._url = url
        self._theme = theme or PageTheme()
        self._subscribe_url = subscribe_url
        self._archive: Mapping[ArchiveKey, Archive] = {} if archive is None else archive
        """The loaded parts of the archive; `missing` returns the part that a document needs."""
        self._months = archives.months(view.snapshot, view.now)
        self.locales = locales_of(self._theme)
        """The languages of the page by code, its own first."""
        self._default = self.locales[0]
        self._rendered: dict[tuple[str, bool], Document] = {}
        self._incidents = {incident.public_id: incident for incident in view.snapshot.incidents}
        self._maintenances = {window.public_id: window for window in view.snapshot.maintenances}
        self._components = {component.public_id: component for component in view.snapshot.components}

    def rendered(self, path: str, *, is_stale: bool = False) -> Document | None:
        """Return the document at a path if it was rendered already."""
        return self._rendered.get((path, is_stale))

    def get(self, path: str, *, is_stale: bool = False) -> Document | None:
        """Return the document at a path such as `/history.atom`, None if there is none."""
        key = (path, is_stale)
        if key not in self._rendered:
            render = self._renderer(path, is_stale=is_stale)
            if render is None:
                return None
            self._rendered[key] = render()
        return self._rendered[key]

    def missing(self, path: str) -> ArchiveKey | None:
        """Return the part of the archive that the document at a path still needs, None if it needs none."""
        folder, _, name = self._localized(path)[1].removeprefix("/").partition("/")
        key: ArchiveKey | None = None
        if folder == "history":
            month = archives.parse_month(name)
            key = month if month in self._months and not self._is_recent(month) else None
        elif folder in ("incidents", "maintenance") and archives.is_public_id(name):
            key = None if name in self._incidents or name in self._maintenances else name
        return None if key in self._archive else key

    def paths(self) -> list[str]:
        """Return the paths of all documents but badges with parameters: what pages refer to comes first, `` last."""
        old = [each for each in self._archive.values() if isinstance(each, Archive)]
        pages = [
            *("/history", "/uptime"),
            *(
                f"/history/{month}"
                for month in self._months
                if self._is_recent(month) or month in self._archive
            ),
            *sorted({f"/incidents/{each.public_id}" for part in old for each in part.incidents}),
            *sorted({f"/maintenance/{each.public_id}" for part in old for each in part.maintenances}),
            *(f"/incidents/{public_id}" for public_id in self._incidents),
            *(f"/maintenance/{public_id}" for public_id in self._maintenances),
        ]
        others = [code for code in self.locales if code != self._default]
        return [
            *(["/theme.css"] if self._theme.accent else []),
            *(["/logo"] if self._theme.logo else []),
            *pages,
            *(f"/{code}{path}" for code in others for path in (*pages, "")),
            *(f"/api/v2/{name}" for name in self._api),
            *(f"/components/{public_id}.atom" for public_id in self._components),
            *("/history.atom", "/feed.xml", "/history.rss", "/maintenance.ics"),
            *("/embed", "/embed.js", "/status.json"),
            "",
        ]

    def badge(self, query: str, *, is_stale: bool = False) -> Document | None:
        """Return the badge for a query with `component` and `label`, None if there is no such component.

        One that is stale says that the state is unknown: a picture cannot say how old it is.
        """
        fields = query_fields(query)
        label, state = self.view.snapshot.page.name, self.view.state
        if wanted := fields.get("component"):
            shown = next((c for c in self.view.components if c.component.public_id == wanted), None)
            if shown is None:
                return None
            label, state = shown.component.name, shown.state
        state = "unknown" if is_stale else state
        return document(badge.badge(fields.get("label") or label, state), SVG)

    @cached_property
    def _api(self) -> dict[str, dict[str, Any]]:
        return statuspage_json.documents(self.view, self._url)

    def _renderer(self, path: str, *, is_stale: bool) -> Callable[[], Document] | None:
        if path.startswith("/api/v2/"):
            body = self._api.get(path.removeprefix("/api/v2/"))
            return None if body is None else lambda: document(_json(body), JSON)
        if path.startswith("/components/"):
            component = self._components.get(path.removeprefix("/components/").removesuffix(".atom"))
            if component is None or not path.endswith(".atom"):
                return None
            return lambda: document(feeds.atom(self.view, self._url, component), ATOM)
        renderers: dict[str, Callable[[], Document]] = {
            "/history.atom": lambda: document(feeds.atom(self.view, self._url), ATOM),
            "/feed.xml": lambda: document(feeds.atom(self.view, self._url), ATOM),
            "/history.rss": lambda: document(feeds.rss(self.view, self._url), RSS),
            "/maintenance.ics": lambda: document(self._calendar(), CALENDAR),
            "/embed": lambda: self._page("embed.html", "", languages()[self._default], is_stale=is_stale),
            "/embed.js": lambda: document(html.render_public("status_pages/embed.js", {}), SCRIPT),
            "/status.json": lambda: document(_json(self._status()), JSON),
            "/as-of.json": lambda: document(_json({"as_of": statuspage_json.instant(self.view.now)}), JSON),
        }
        if logo := self._theme.logo:
            renderers["/logo"] = lambda: document(logo.data, logo.media_type)
        if self._theme.accent:
            renderers["/theme.css"] = lambda: document(theme_colors.style_sheet(self._theme.accent), CSS)
        return renderers.get(path) or self._page_renderer(path, is_stale=is_stale)

    def _page_renderer(self, path: str, *, is_stale: bool) -> Callable[[], Document] | None:
        """Return what renders the HTML at a path, which may begin with a language."""
        if path[1:].partition("/")[0] == self._default:
            return None
        code, path = self._localized(path)
        if path.startswith("/history/"):
            month = archives.parse_month(path.removeprefix("/history/"))
            if month is None or (shown := self._of_month(month)) is None:
                return None
            return lambda: self._month(month, shown, path, languages()[code], is_stale=is_stale)
        if path.startswith("/incidents/"):
            public_id = path.removeprefix("/incidents/")
            old = self._archive.get(public_id, Archive())
            incident = self._incidents.get(public_id) or next(iter(old.incidents), None)
            if incident is None:
                return None
            return lambda: self._incident(incident, path, languages()[code], is_stale=is_stale)
        if path.startswith("/maintenance/"):
            public_id = path.removeprefix("/maintenance/")
            old = self._archive.get(public_id, Archive())
            window = self._maintenances.get(public_id) or next(iter(old.maintenances), None)
            if window is None:
                return None
            return lambda: self._maintenance(window, path, languages()[code], is_stale=is_stale)
        templates = {
            "": "public_home.html",
            "/history": "public_history.html",
            "/uptime": "public_uptime.html",
        }
        if path not in templates:
            return None
        return lambda: self._page(templates[path], path, languages()[code], is_stale=is_stale)

    def _localized(self, path: str) -> tuple[str, str]:
        """Return the language of a path, and the path without it."""
        code = path[1:].partition("/")[0]
        is_named = code in self.locales and code != self._default
        return (code, path[len(code) + 1 :]) if is_named else (self._default, path)

    def _is_recent(self, month: Month) -> bool:
        """Return True if the snapshot has all of a month."""
        return month.start(self.view.snapshot.page.tz) >= self.view.now - HISTORY

    def _of_month(self, month: Month) -> Archive | None:
        """Return what was published in a month, None if it is not in the history or not known."""
        if month not in self._months:
            return None
        if not self._is_recent(month):
            return self._archive.get(month)
        return archives.of_snapshot(self.view.snapshot, self.view.listed_maintenances).get(
            month, self.view.snapshot.page.tz
        )

    def _month(
        self, month: Month, shown: Archive, path: str, language: Language, *, is_stale: bool
    ) -> Document:
        neighbors = [each if each in self._months else None for each in (month.previous, month.next)]
        return self._page(
            *("public_month.html", path, language),
            is_stale=is_stale,
            month=month,
            shown=shown,
            previous=neighbors[0],
            following=neighbors[1],
        )

    def _incident(
        self, incident: PublicIncident, path: str, language: Language, *, is_stale: bool
    ) -> Document:
        affected = []
        for shown in self.view.components:
            steps = derived_status.steps(incident, shown.component.id)
            if not steps:
                continue
            spans = derived_status.spans([incident], shown.component.id, steps[0][0], self.view.now)
            worse = [span for span in spans if span.status is not ComponentStatus.OPERATIONAL]
            affected.append((shown.component, worse))
        return self._page(
            "public_incident.html", path, language, is_stale=is_stale, incident=incident, affected=affected
        )

    def _maintenance(self, window: Maintenance, path: str, language: Language, *, is_stale: bool) -> Document:
        affected = [s.component for s in self.view.components if s.component.id in window.component_ids]
        return self._page(
            "public_maintenance.html", path, language, is_stale=is_stale, window=window, affected=affected
        )

    def _calendar(self) -> str:
        view = self.view
        return calendar.calendar(view.snapshot.page.name, view.snapshot.maintenances, self._url)

    def _form_url(self, code: str) -> str:
        """Return the address of the form to subscribe in a language, empty if there is none."""
        if not self._subscribe_url or code == self._default:
            return self._subscribe_url
        site, separator, form = self._subscribe_url.rpartition("/")
        return f"{site}/{code}{separator}{form}"

    def _home(self, code: str) -> str:
        return self._base if code == self._default else f"{self._base}/{code}"

    def _page(
        self, template: str, path: str, language: Language, *, is_stale: bool, **more: object
    ) -> Document:
        view, tz = self.view, self.view.snapshot.page.tz
        locale = "" if language.code == self._default else language.code
        others = [
            OtherLanguage(code, languages()[code].name, (self._home(code) + path) or "/")
            for code in self.locales
            if code != language.code
        ]
        context = {
            **frame_context(view, self._theme, self._base, language, locale),
            "home": self._home(language.code),
            "other_languages": others,
            "subscribe_url": self._form_url(language.code),
            "translation_of": lambda update: update.translations.get(language.code, ""),
            "description_of": lambda part: part.translation(locale).description,
            "affected_text": affected_text(view, language, locale),
            "uptime_text": lambda shown: _uptime_text(shown, language),
            "day": lambda at: language.day(at, tz),
            "duration": language.duration,
            "month_name": lambda month: language.month(month.year, month.month),
            "present_month": self._months[-1],
            "now": view.now,
            "window_text": lambda window: language.interval(window.scheduled_for, window.scheduled_until, tz),
            "interval_text": lambda one: language.interval(one.start, one.end, tz),
            "share_text": lambda hundredths: _share_text(hundredths, language),
            "shown_months": monthly_uptime.shown_months(view.now, tz),
            "month_text": lambda shown, month: _month_text(view, shown, month, language),
            "component_names": {each.id: each.name_in(locale) for each in view.snapshot.components},
            "url": self._url,
            "stage_labels": _STAGE_LABELS,
            "status_labels": STATUS_LABELS,
            "labels": _LABELS,
            "states": STATUS_LOOKS,
            "stale_since": view.now if is_stale else None,
            **more,
        }
        return document(html.render_public(f"status_pages/{template}", context), HTML)

    def _status(self) -> dict[str, object]:
        """Return our own document: the worst status, uptimes and bars, which Statuspage's API does not have."""
        view = self.view
        return {
            "as_of": statuspage_json.instant(view.now),
            "headline": headline(view, ENGLISH),
            "worst": view.worst.code,
            "indicator": view.indicator.impact.code,
            "components": [
                {
                    "id": shown.component.public_id,
                    "name": shown.component.name,
                    "only_if_affected": shown.component.only_if_affected,
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
                    "eta_at": _instant(incident.eta_at),
                    "continued_at": incident.continued_at and incident.continued_at.public_id,
                }
                for incident in view.open_incidents
            ],
            "maintenances": [
                {
                    "id": window.public_id,
                    "name": window.name,
                    "stage": window.stage,
                    "scheduled_for": statuspage_json.instant(window.scheduled_for),
                    "scheduled_until": statuspage_json.instant(window.scheduled_until),
                }
                for window in (*view.active_maintenances, *view.next_maintenances)
            ],
        }


def frame_context(
    view: StatusView, theme: PageTheme, base: str, language: Language, locale: str
) -> dict[str, object]:
    """Return what the frame around every page needs, also around forms that are not cached.

    `locale` is the language of the names of components, empty for the page's own.
    """
    tz = view.snapshot.page.tz
    return {
        "view": view,
        "theme": theme,
        "base": base,
        "home": base,
        "static": lambda name: base + asset_path(name),
        "t": language.text,
        "labeled": language.labeled,
        "language": language,
        "other_languages": [],
        "headline": headline(view, language, locale),
        "clock": lambda at: language.clock(at, tz, view.now),
        "stale_since": None,
        "subscribe_url": "",
        "name_of": lambda part: part.name_in(locale),
        "page_texts": view.snapshot.page.texts_in(locale),
        # texts that people wrote and did not translate are in the language of the page
        "original": Markup(' lang="{}" dir="auto"').format(locales_of(theme)[0]) if locale else Markup(""),
    }


def _uptime_text(shown: ComponentView, language: Language) -> str:
    return language.text("No data") if shown.uptime is None else language.percent(shown.uptime_text)


def _month_text(view: StatusView, shown: ComponentView, month: Month, language: Language) -> str:
    page = view.snapshot.page
    spans, component = shown.spans, shown.component
    share = monthly_uptime.of_month(spans, component, month, page.tz, page.weights, view.now).uptime
    return language.text("No data") if share is None else language.percent(uptime.shown(share))


def _share_text(hundredths: int | None, language: Language) -> str:
    if hundredths is None:
        return language.text("No data")
    return language.percent(uptime.shown(Fraction(hundredths, 10_000)))


def _instant(at: datetime | None) -> str | None:
    return statuspage_json.instant(at) if at else None


def _json(body: Mapping[str, object]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))
