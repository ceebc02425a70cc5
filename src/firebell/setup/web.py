"""The setup form, and the page with the first integration key."""

from collections.abc import Mapping
from datetime import datetime, time

from fastapi import Request, Response

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alerts_queries
from firebell.catalog import actions as catalog
from firebell.channels.email import CHANNEL as EMAIL
from firebell.channels.registry import is_ready, offered, wakes
from firebell.channels.web_push import CHANNEL as WEB_PUSH
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.field_errors import FieldErrors
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import authentication, route_access
from firebell.people.model import MethodState, Person
from firebell.people.permissions import Verb
from firebell.people.sign_in import actions as sign_in
from firebell.people.unit_of_work import CurrentVisit
from firebell.self_watch import fallback_test_actions as fallback_test
from firebell.self_watch.fallback_tests import DEFAULT_HOUR
from firebell.setup import token as setup_token
from firebell.setup.organization import Answers, check, create_organization, is_open

TEST_ALERT = '{"title": "Test alert: it works", "severity": "critical"}'
router = routing.html_router()

_TEXTS = (
    *("organization", "name", "email", "tz", "team", "service"),
    *("second_name", "second_email"),
)
_OFFERED = [channel for channel in offered() if channel.wakes and channel.is_typed]
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


async def _form(request: Request, values: dict[str, str], error: FirebellError | None) -> Response:
    ctx = html.ctx(request)
    context = {
        "values": {"tz": "UTC", "handoff_day": "0", "handoff_time": "09:00", **values},
        "error": error,
        "days": list(enumerate(_WEEKDAYS)),
        # one that lacks its settings reaches no one yet
        "channels": [each for each in _OFFERED if each.is_ready(ctx.channel_settings)],
        "token": setup_token.token(ctx),
    }
    return await html.render(request, "setup/setup.html", context)


@router.get("/setup", dependencies=route_access.public("No one exists yet: setup_token decides."))
async def setup_form(request: Request, token: str = "") -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        if not await is_open(tx):
            return html.redirect("/")
    setup_token.check(request, token)
    return await _form(request, {}, None)


@router.post("/setup", dependencies=route_access.public("No one exists yet: setup_token decides."))
async def setup(request: Request) -> Response:
    ctx = html.ctx(request)
    async with ctx.db.tx() as tx:
        if not await is_open(tx):
            return html.redirect("/")
    form = await request.form(max_files=0)
    values = {name: str(value).strip() for name, value in form.items()}
    # the form carries the token, so that no page of another site can send it
    setup_token.check_token(ctx, values.pop("token", ""))
    try:
        errors = FieldErrors()
        answers = _answers(values, str(form.get("password", "")), errors)
        check(answers, errors)
        password_hash = await people.hash_secret(answers.password)
        async with ctx.db.tx() as tx:
            organization = await create_organization(tx, answers, password_hash, transaction.now(request))
            await fallback_test.set_settings(
                tx, SYSTEM, is_on=True, hour=DEFAULT_HOUR, now=transaction.now(request)
            )
            await _send_codes(tx, organization.admin, ctx.channel_settings, transaction.now(request))
    except (Invalid, Conflict) as error:
        return await _form(request, values, error)
    url = f"/setup/done?service={organization.service_slug}"
    text = f"{answers.organization} is set up."
    response = flash.redirect(request, url, text, reveals=organization.webhook_id)
    await sign_in.start_session(request, response, organization.admin)
    return response


async def _send_codes(tx: Tx, admin: Person, channel_settings: Mapping[str, str], now: datetime) -> None:
    """Send the admin a code through each contact method that can be used."""
    for method in await people.methods_of(tx, [admin.id]):
        if is_ready(method.kind, channel_settings):
            await people.request_code(tx, authentication.actor_of(admin), method.id, admin.id, now)


def _answers(values: dict[str, str], password: str, errors: FieldErrors) -> Answers:
    """Return the answers of the form; an invalid field is added to `errors` and gets its default."""
    texts = {name: values.get(name, "") for name in _TEXTS}
    addresses = {channel.kind: values.get(channel.kind, "") for channel in _OFFERED}
    try:
        at = time.fromisoformat(values.get("handoff_time") or "09:00")
    except ValueError:
        errors.add("handoff_time", "Enter a time such as 09:00.")
        at = time(9)
    day = errors.value(lambda: to_number(values.get("handoff_day") or 0, "handoff_day", most=6), 0)
    return Answers(
        **texts, password=password, addresses=addresses, handoff_day=day, handoff_time=at.replace(tzinfo=None)
    )


@router.get("/setup/done", dependencies=route_access.needs(Verb.PERSON_WRITE))
async def done(visit: CurrentVisit, service: str) -> Response:
    message = flash.waiting(visit.request, visit.now)
    first_service = await catalog.by_slug(visit.tx, service)
    secret = await people.signing_secret(visit.tx, visit.person.id, message.reveals) if message else ""
    (integration, *_) = await alerts.integrations(visit.tx, first_service.id)
    pages = await paging.pages(visit.tx, limit=1)
    methods = await people.methods_of(visit.tx, [visit.person.id])
    second = next((p for p in await people.people(visit.tx) if p.id != visit.person.id), None)
    # the key is shown in full until it has worked; from then on the service's page reveals it
    key = integration.masked_key if pages else integration.key
    context = {
        "live": "pages",
        "service": first_service,
        "key": key,
        "curl": alerts_queries.source_by_name("generic").curl(visit.ctx.public_url, key, TEST_ALERT),
        "page": pages[0] if pages else None,
        "push_ready": WEB_PUSH.is_ready(visit.ctx.channel_settings),
        "mail_ready": EMAIL.is_ready(visit.ctx.channel_settings),
        "waking": any(wakes(m.kind) for m in methods),
        "second": second,
        "secret": secret,
        "unverified": [
            m for m in methods if m.state is MethodState.NEW and is_ready(m.kind, visit.ctx.channel_settings)
        ],
        "here": f"/setup/done?service={service}",
    }
    return await html.render(visit.request, "setup/done.html", context)
