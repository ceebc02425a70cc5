"""Every form of the web: its save is confirmed, what it destroys asks first or can be undone, and none is left out."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape
from html.parser import HTMLParser

import httpx

from firebell.kit.clock import FakeClock
from firebell.kit.web.confirm import CONFIRMATIONS, Confirmation
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from tests.api.api_clients import TEST, browser, sign_in
from tests.api.full_organization import Everything, Finder, entrances, everything, finder

Fields = list[tuple[str, str]]
NOT_SAID = {
    "/login": "the page that was asked for",
    "/logout": "the sign-in form",
    "/welcome/{token}": "the home page, signed in",
    "/s/{slug}/subscribe": "a page that is the same for every address",
    "/s/{slug}/{code}/subscribe": "a page that is the same for every address",
    "/setup": "the page of the first alert",
    "/ack/{token}": "the page of the link says who has it",
    "/undo": "a token that undoes something",
    "/incidents/{ref}/details/merge": "the incident that it was merged into",
    "/settings/chat/slack/install": "the page whose link leads to Slack",
    "/settings/chat/{account_id}/test": "Slack, which sends the message",
    "/metrics/audit/{quarter}/{team}/rules/{rule_id}/routing": "the audit, once 30 days show what it changes",
    "/settings/trackers/{tracker_id}/check": "the result of the check",
    "/settings/trackers/{tracker_id}/dry-run": "what a sync would change",
    "/service-import": "what an import would change",
    "/settings/trackers/{tracker_id}/test": "the tracker, which creates the issue",
    "/actions/{ref}/links/{link_id}/sync": "the item, whose link may be gone by then",
    "/actions/{ref}/links/{link_id}/unlink": "the item, whose link may be gone by then",
}
"""Forms that lead somewhere other than to what was saved, and where; they have their own tests."""


class _Forms(HTMLParser):
    """Collects every posted form as a browser would send it, and whether a question precedes it."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, Fields, bool]] = []
        self._open = False
        self._buttons: Fields = []
        self._depth: list[str] = []
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._text: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag in ("details", "section"):
            self._depth.append(f"{tag}{' ask' if 'ask' in attributes.get('class', '').split() else ''}")
        if tag == "form":
            self._open = attributes.get("method") == "post" and attributes.get("action", "").startswith("/")
            if self._open:
                asks = any(part.endswith(" ask") for part in self._depth)
                self.forms.append((attributes["action"], [], asks))
        elif not self._open:
            return
        elif tag == "input" and "name" in attributes and attributes.get("type") != "file":
            if attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes:
                self.forms[-1][1].append((attributes["name"], attributes.get("value", "")))
        elif tag == "textarea":
            self._text = ""
            self.forms[-1][1].append((attributes["name"], ""))
        elif tag == "button" and attributes.get("type") != "button":
            self._buttons.append((attributes.get("name", ""), attributes.get("value", "")))
        elif tag == "select":
            self._select = (attributes["name"], [])
        elif tag == "option" and self._select:
            self._select[1].append((attributes.get("value", ""), "selected" in attributes))

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag in ("details", "section") and self._depth:
            self._depth.pop()
        if tag == "form":
            if self._open and self._buttons and all(name for name, _ in self._buttons):
                self.forms[-1][1].append(self._buttons[0])
            self._open, self._buttons = False, []
        elif tag == "textarea" and self._text is not None:
            name = self.forms[-1][1].pop()[0]
            self.forms[-1][1].append((name, unescape(self._text)))
            self._text = None
        elif tag == "select" and self._select:
            name, options = self._select
            chosen = [value for value, selected in options if selected] or [options[0][0] if options else ""]
            if self._open:
                self.forms[-1][1].append((name, chosen[0]))
            self._select = None


FILLED = {
    "/clocks/contracts": {"customer": "Acme", "amount": "2"},
    "/customers": {"name": "Lumen"},
    "/customers/erase": {"address": "ida@nordpost.example"},
    "/customers/import": {"csv": "customer,email\nPelago,it@pelago.example"},
    "/customers/{customer_id}/contacts": {"address": "ida@nordpost.example"},
    "/incidents/{ref}/audiences/posts": {"subject": "Checkout is down", "body": "We are looking."},
    "/settings/audiences": {"name": "Board"},
    "/escalation/new": {"name": "Night", "target-0": "team:1", "wait-0": "5"},
    "/incidents/{ref}/clocks/facts": {"reason": "Counsel said so"},
    "/runbooks/sources": {"name": "Operations", "url": "https://git.example.org/ops/runbooks.git"},
    "/runbooks/sources/{source_id}/token": {"token": "a-token"},
    "/status-pages": {"name": "Kestrel Europe"},
    "/status-pages/{slug}/components": {"name": "Search"},
    "/status-pages/{slug}/copies": {"remote_page_id": "abc", "key": "a-key"},
    "/status-pages/{slug}/copies/{copy_id}/key": {"key": "a-key"},
    "/status-pages/{slug}/groups": {"name": "Asia"},
    "/status-pages/{slug}/hosting/access": {"networks": "10.0.0.0/8"},
    "/status-pages/{slug}/hosting/mirrors": {
        "url": "https://status.example.org",
        "endpoint": "https://s3.example.org",
        "bucket": "kestrel",
        "access_key": "AK",
        "secret": "a secret",
    },
    "/status-pages/{slug}/hosting/feed-keys": {"name": "Contoso"},
    "/status-pages/{slug}/subscribers": {"address": "it@alvik.example"},
    "/status-pages/{slug}/subscribers/import": {"text": "address\r\nit@lumen.example\r\n"},
    "/status-pages/{slug}/subscribers/{subscriber_id}/erase": {"confirm": "ops@nordpost.example"},
    "/status-pages/{slug}/incidents/new": {"name": "Search is slow", "body": "We are looking."},
    "/status-pages/{slug}/incidents/{public_id}": {"body": "We know the cause."},
    "/status-pages/{slug}/maintenance/new": {"name": "Upgrade", "body": "Short.", "component": "1"},
    "/status-pages/{slug}/maintenance/{maintenance_id}/updates": {"body": "Half is done."},
    "/status-pages/{slug}/relabelings": {
        "start": "2026-11-24T00:00",
        "end": "2026-11-24T00:01",
        "reason": "Announced by email only.",
    },
    "/incidents/{ref}/answers": {"down_or_data_at_risk": "yes"},
    "/incidents/{ref}/response/customers": {"text": "We are working on it."},
    "/incidents/{ref}/response/expertise": {"need": "PostgreSQL"},
    "/incidents/{ref}/response/promises": {"minutes": "20"},
    "/settings/response/transfer": {"text": "executives_wait = 7"},
    "/services": {"name": "Search"},
    "/services/{slug}/edit": {"tier": "1", "labels": "region=eu", "links": "Code https://git.example.org/c"},
    "/services/{slug}/dependencies": {"depends_on": "ledger"},
    "/services/{slug}/integrations/new": {"name": "Grafana", "service": "checkout"},
    "/services/{slug}/integrations/{integration_id}/test": {"severity": "critical"},
    "/oncall/new": {"name": "Night watch", "person": "1"},
    "/oncall/new/layers": {"name": "Day watch", "slot-0": "1", "slot-1": "2", "slot-2": "3"},
    "/oncall/{slug}/override": {"person": "2", "lasts": "4"},
    "/oncall/{slug}/rotation": {"verb": "join", "who": "3", "layer": "1"},
    "/oncall/{slug}/shadows": {"learner": "3"},
    "/oncall/{slug}/calendars": {
        "name": "Rota",
        "url": "https://calendars.example.org/rota.ics",
        "use": "override",
    },
    "/oncall/vacations": {"start": "2027-03-01T09:00", "end": "2027-03-02T09:00"},
    "/settings/password": {"old": "a quiet night please", "new": "a longer lantern over the harbor"},
    "/settings/contact": {"kind": "ntfy", "address": "mara-bell-2"},
    "/settings/calendars/busy": {"name": "Private", "url": "https://calendars.example.org/mine.ics"},
    "/settings/people": {"name": "Ada Byron", "email": "ada@example.org"},
    "/settings/catch-all": {"member": "2"},
    "/settings/teams/{slug}": {"member": "1"},
    "/services/{slug}/policy": {"policy": ""},
    "/settings/teams": {"name": "Search", "member": "1"},
    "/settings/chat/connect/{kind}": {"address": "https://discord.com/api/webhooks/1/s3cret"},
    "/settings/chat/{account_id}/rules": {"channel": "C2"},
    "/settings/chat/{account_id}/groups": {"group": "S2", "schedule": "payments-primary"},
    "/settings/keys": {"name": "laptop"},
    "/saved-views": {"name": "Urgent", "list": "alerts"},
    "/pages/new": {"target": "person:2", "text": "Please join"},
    "/incidents/new": {"title": "Search is slow", "severity": "2"},
    "/pages/{ref}/note": {"text": "Looking."},
    "/near-misses/new": {"title": "Empty backups", "could_have": "Lost days.", "barrier": "Luck."},
    "/near-misses/{ref}/edit": {"lessons": "Read each backup."},
    "/post-mortems/{ref}/accept": {"text": "The numbers come next week."},
    "/post-mortems/{ref}/withdraw": {"reason": "It names a customer."},
    "/post-mortems/{ref}/external": {"reason": "Customers noticed nothing."},
    "/heartbeats/new": {"name": "nightly-backup"},
    "/settings/webhooks": {"name": "Archive", "url": "https://archive.example.org/events"},
    "/settings/webhooks/{endpoint_id}/replay": {"since": "2026-11-23T09:00", "until": "2026-11-24T09:00"},
    "/settings/health/heartbeats": {"name": "Lyon", "url": "https://watch.example.org/lyon"},
    "/inhibition-rules": {"name": "Pods", "source_matchers": "a=b", "target_matchers": "c=d"},
    "/silences/new": {"matchers": "alertname=Disk", "comment": "Reindexing"},
    "/drills/new": {"scenario": "cache-stampede", "planned_for": "2026-12-08T10:00"},
    "/drills/{ref}/invite": {"people": "3"},
    "/metrics/audit/{quarter}/{team}/rules/{rule_id}": {"decision": "changed"},
    "/readiness/quarters/{label}/{team}/sign": {"decisions": "Nothing changes."},
    "/readiness/{item_id}/waive": {"reason": "The team is being formed.", "until": "2027-01-31"},
    "/settings/trackers/{tracker_id}/user": {"person": "2", "handle": "jun"},
    "/settings/trackers/{tracker_id}/token": {"token": "another-token"},
    "/post-mortems/{ref}/incidents": {"incident": "INC-2"},
    "/post-mortems/{ref}/meeting/actions": {"title": "Check pools before a deploy"},
    "/post-mortems/{ref}/meeting/park": {"text": "A replica?"},
    "/post-mortems/{ref}/meeting/skip": {"text": "One person acted."},
    "/post-mortems/{ref}/meeting/write": {"text": "Nothing compares them."},
    "/post-mortems/{ref}/actions": {"title": "Alert on the pool"},
    "/post-mortems/{ref}/comments": {"section": "summary", "text": "Where is this number from?"},
    "/post-mortems/{ref}/comments/{comment_id}/reply": {"text": "From the graph."},
    "/incidents/{ref}/comms": {"internal": "Failing over.", "target": "timeline", "do": "publish"},
    "/incidents/{ref}/checks/waive": {"reason": "Two of us are enough"},
    "/incidents/{ref}/entries": {"text": "Looking."},
    "/incidents/{ref}/entries/{entry_id}/strike": {"reason": "That was staging"},
    "/incidents/{ref}/roles/offer": {"held": "scribe", "person": "2"},
    "/incidents/{ref}/roles/release": {"held": "scribe"},
    "/incidents/{ref}/tasks": {"text": "Watch the lag"},
    "/incidents/{ref}/actions": {"title": "Check pools before a deploy"},
    "/actions/new": {"title": "Check pools before a deploy"},
    "/actions/bulk": {"ref": "ACT-1", "do": "assign", "owner": "2"},
    "/actions/{ref}/assign": {"owner": "2"},
    "/actions/{ref}/reopen": {"reason": "It came back."},
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}/translations": {"body": "Wir arbeiten daran."},
    "/status-pages/{slug}/incidents/{public_id}/updates/{seq}/retract": {"reason": "It named a customer."},
    "/status-pages/{slug}/maintenance/{maintenance_id}/updates/{seq}/translations": {"body": "Wir warten."},
    "/status-pages/{slug}/maintenance/{maintenance_id}/updates/{seq}/retract": {"reason": "It named a host."},
    "/status-pages/{slug}/signing": {"reason": "Yearly change."},
    "/settings/action-items": {"weekday": "0", "due_1": "14", "due_2": "30", "due_3": "90"},
    "/incidents/{ref}/tasks/{task_id}/assign": {"owner": "mara@example.org"},
    "/incidents/{ref}/close/facts": {"cause": "Pool size in build 4812"},
    "/incidents/{ref}/close/reports": {"text": "Cards fail"},
    "/incidents/{ref}/details/links": {"other": "INC-2"},
    "/incidents/past": {
        "title": "Old outage",
        **dict.fromkeys(("detected_at", "declared_at", "resolved_at", "closed_at"), "2026-01-05T08:00"),
    },
    "/incidents/report": {"title": "Invoices show an old rate"},
    "/settings/declaration-rules": {"name": "Checkout outage"},
    "/routing/new": {"name": "Tickets", "matchers": 'severity="info"'},
    "/settings/incident-fields": {"name": "Product"},
    "/incidents/{ref}/severity": {"severity": "1", "reason": "Less is broken."},
    "/incidents/{ref}/link": {"page": "PG-2"},
    "/incidents/{ref}/phase": {"phase": "investigating"},
    "/handbook/templates/{template_id}": {"body": "{{title}} is being looked at."},
    "/oncall/{slug}/delete": {"confirm": "Night watch"},
    "/oncall/pay/rates": {"currency": "EUR", "per_shift": "10"},
    "/runbooks/runs/{ref}/steps/{part}/{position}/skip": {"reason": "It does not apply."},
    "/runbooks": {"body": "# Search is slow\n\nRestart it.\n"},
}
"""What a person types into a form that is empty at first."""


def said(page: str) -> str:
    """Return the message of a page, nothing if there is none."""
    message = re.search(r'id="flash".*?role="status">([^<]*)', page, re.S)
    return unescape(message[1]) if message else ""


def undo_of(page: str) -> tuple[str, dict[str, str]]:
    """Return the form that undoes what a page says was done, its address and fields, or nothing."""
    form = re.search(r'<form method="post" action="(/undo)">(.*?)</form>', page, re.S)
    return (form[1], dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[2]))) if form else ("", {})


def key_of(path: str, address: str, fields: Fields) -> str:
    """Return the form's entry in the table: by its route, its verb, or its fields."""
    verb = address.partition("?")[0].rpartition("/")[2]
    concrete = re.sub(r"\{(what|verb)\}$", verb, path)
    decided = next((f"{concrete} {v}" for _, v in fields if v and f"{concrete} {v}" in CONFIRMATIONS), "")
    return decided or (concrete if concrete in CONFIRMATIONS else path)


@dataclass(frozen=True, slots=True)
class Form:
    """A form as a page serves it."""

    page: str
    path: str
    address: str
    fields: Fields
    asks: bool

    @property
    def key(self) -> str:
        """Its entry in the table of confirmations."""
        return key_of(self.path, self.address, self.fields)

    @property
    def name(self) -> str:
        """Its route with the verb that its address has."""
        return re.sub(r"\{(what|verb)\}$", self.address.partition("?")[0].rpartition("/")[2], self.path)


@dataclass(slots=True)
class Walk:
    """A browser of the admin that knows the routes."""

    e: Everything
    http: httpx.AsyncClient
    find: Finder
    pages: list[str]

    async def forms(self, page: str) -> list[Form]:
        """Return the forms of a page."""
        parser = _Forms()
        parser.feed((await self.http.get(page)).text)
        forms = []
        for address, fields, asks in parser.forms:
            entrance = self.find("POST", address)
            assert entrance, (page, address)
            forms.append(Form(page, entrance.path, address, fields, asks))
        return forms

    async def everywhere(self) -> list[Form]:
        """Return the forms of all pages."""
        return [form for page in self.pages for form in await self.forms(page)]

    async def send(self, form: Form) -> httpx.Response:
        """Send a form as served, with required fields filled in, and return the resulting page."""
        filled = FILLED.get(form.name, {})
        sent = [(n, v) for n, v in form.fields if n not in filled] + list(filled.items())
        data: dict[str, list[str]] = {}
        for name, value in sent:
            data.setdefault(name, []).append(value)
        return await self.http.post(form.address, data=data, follow_redirects=True)


@asynccontextmanager
async def walk(dsn: str, clock: FakeClock) -> AsyncIterator[Walk]:
    """Yield a walk through an organization with one of everything."""
    async with everything(dsn, clock) as e, browser(e.w) as http:
        await sign_in(e.w, http, e.w.mara)
        known = entrances(e.w)
        pages = [
            x.address(real=True).replace("/settings/people/1/", "/settings/people/2/")
            for x in known
            if x.method == "GET" and not x.is_api and x.path != "/events"
        ]
        edits = ("/post-mortems/", "/oncall/handoffs/")
        pages += [f"{page}?edit=yes" for page in pages if page.startswith(edits)]
        yield Walk(e, http, finder(known), pages)


async def test_each_form_route_declares_its_confirmation(dsn: str, clock: FakeClock) -> None:
    async with everything(dsn, clock) as e:
        routes = {x.path for x in entrances(e.w) if x.method == "POST" and not x.is_api}
    assert routes <= set(CONFIRMATIONS)
    matched = [re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path))) for path in routes]
    for key in CONFIRMATIONS:
        assert any(pattern.fullmatch(key.partition(" ")[0]) for pattern in matched), key


async def test_what_reaches_people_asks_and_what_is_final_wants_the_name(dsn: str, clock: FakeClock) -> None:
    async with walk(dsn, clock) as w:
        forms = await w.everywhere()
    for form in forms:
        confirmation = CONFIRMATIONS[form.key]
        assert form.asks is (confirmation in (Confirmation.ASK, Confirmation.TYPE_NAME)), form
        has_name = any(name == "confirm" for name, _ in form.fields)
        assert has_name is (confirmation is Confirmation.TYPE_NAME), form
    assert len({form.key for form in forms}) > 50


NEW_SCHEDULE = "/oncall/night-watch/edit"
"""The page of a schedule that the first round creates and no policy needs."""
SECOND_DRILL = "/drills/2"
"""The page of the drill that the first round does not start."""
NEEDED = "/oncall/payments-primary/delete"
"""What is refused because a policy needs it."""
DECLINED = (
    "/actions/{ref}/drop",
    "/actions/{ref}/duplicate",
    "/drills/{ref}/start",
    "/oncall/covers/{cover_id}/decline",
    "/runbooks/runs/{ref}/roll-back",
    "/runbooks/sources/{source_id}/ignore",
    "/settings/response/discard",
    "/status-pages/{slug}/maintenance/{maintenance_id}/start",
    "/status-pages/{slug}/relabelings/{relabeling_id}/decline",
)
"""What the walk answers the other way: it finishes an action item, cancels a drill and takes a commit."""
LAST = ("/settings/sessions/{session_id}/end", "/settings/sessions/end-others", "/settings/password")
"""Forms that end sessions, in an order in which each still has one to end."""


FIRST = (
    "/actions/{ref}/assign",
    "/actions/{ref}/due",
    "/drills/{ref}/invite",
    "/incidents/new",
    "/runbooks/sources/{source_id}/archive",
    "/settings/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay",
    "/settings/webhooks/{endpoint_id}/replay",
    "/silences/{silence_id}/extend",
    "/status-pages/{slug}/relabelings/{relabeling_id}/accept",
)
"""The form that declares INC-2, which other forms name, and those that need what another form ends."""


def turn(form: Form) -> tuple[int, int, bool]:
    """Return the sort key of a form: what destroys comes after what it would destroy."""
    confirmation = CONFIRMATIONS[form.key]
    last = LAST.index(form.path) + 1 if form.path in LAST else 0
    return last, list(Confirmation).index(confirmation), form.name not in FIRST


async def outcome(w: Walk, form: Form) -> str:
    """Send a form, undo it if offered, and return the problem, empty if there is none."""
    same = [f for f in await w.forms(form.page) if (f.name, f.key) == (form.name, form.key)]
    if not same:
        return f"it is no longer on {form.page}"
    pick = max if form.path in LAST else min
    answer = await w.send(pick(same, key=lambda f: f.address))
    if answer.status_code != 200 or len(said(answer.text)) < len("Saved: it"):
        return f"{answer.status_code} {said(answer.text)} {wrong(answer.text)}"
    action, fields = undo_of(answer.text)
    if not action:
        return "it offers no undo" if CONFIRMATIONS[form.key] is Confirmation.UNDO else ""
    undone = await w.http.post(action, data=fields, follow_redirects=True)
    if undone.status_code != 200 or not said(undone.text):
        return f"its undo answers {undone.status_code} {wrong(undone.text)}"
    return ""


async def test_every_save_is_confirmed_and_every_undo_restores(dsn: str, clock: FakeClock) -> None:
    troubles: list[str] = []
    done: set[tuple[str, str]] = set()
    async with walk(dsn, clock) as w, browser(w.e.w) as elsewhere:
        for _ in range(2):
            await sign_in(w.e.w, elsewhere, w.e.w.mara)
        # what the first round creates has forms of its own, which the second round sends
        for only in ([Confirmation.NONE], list(Confirmation)):
            if len(only) > 1:
                await resolve_pages(w.e)
                w.pages = [*w.pages, NEW_SCHEDULE, SECOND_DRILL]
            forms: dict[tuple[str, str], Form] = {}
            for form in await w.everywhere():
                if form.address != NEEDED:
                    forms.setdefault((form.name, form.key), form)
            for form in sorted(forms.values(), key=turn):
                is_due = CONFIRMATIONS[form.key] in only and (len(only) > 1 or form.path not in LAST)
                if (
                    form.path in NOT_SAID
                    or form.name in DECLINED
                    or not is_due
                    or (form.name, form.key) in done
                ):
                    continue
                done.add((form.name, form.key))
                if trouble := await outcome(w, form):
                    troubles.append(f"{form.name}: {trouble}")
    assert not troubles, "\n".join(troubles)
    sent = {key for _, key in done}
    assert {key for key, way in CONFIRMATIONS.items() if way is Confirmation.UNDO} <= sent
    assert {key for key, way in CONFIRMATIONS.items() if way is not Confirmation.NONE} - sent == ELSEWHERE


ELSEWHERE = {
    "/settings/phone/allowances",
    *("/incidents/{ref}/phase closed", "/incidents/{ref}/close"),
    *("/oncall/covers/{cover_id}/back", "/post-mortems/{ref}/publish", "/runbooks/runs/{ref}/roll-back"),
    *("/drills/{ref}/start", "/drills/{ref}/finish"),
    *("/actions/{ref}/links/{link_id}/unlink", "/settings/trackers/{tracker_id}/test"),
    "/status-pages/{slug}/copies/{copy_id}/postmortems/{public_id}",
    *("/services/{slug}/delete", "/settings/webhooks/{endpoint_id}/replay-failed"),
    *("/post-mortems/{ref}/external/publish", "/incidents/{ref}/comms/{post_id}/recall"),
}
"""Forms that need days, no open SEV0, another system, two people, a first update, a service without uses, or a webhook
that is active.

They have their own tests.
"""


async def resolve_pages(e: Everything) -> None:
    """Resolve every page: an open one keeps its policy from being deleted."""
    async with e.w.ctx.db.tx() as tx:
        for page in await paging.pages(tx, limit=100):
            if page.state is not PageState.RESOLVED:
                await paging.resolve(tx, TEST, page.id, e.w.now)


def wrong(page: str) -> str:
    """Return the error that a page shows, for the report of a failure."""
    texts = re.findall(
        r'(?:<h1>|class="sm hue" data-state="late"[^>]*>|role="alert">.*?<b>)([^<]*)', page, re.S
    )
    return "; ".join(text.strip() for text in texts)
