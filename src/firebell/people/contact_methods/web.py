"""Where a person sets contact methods, notification rules and quiet hours."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import FormData

from firebell.channels import languages, registry, web_push
from firebell.channels.registry import CHANNELS, offered, wakes
from firebell.kit import undo
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing
from firebell.people import actions, authentication, route_access, validation
from firebell.people.contact_methods import address_links
from firebell.people.model import URGENCIES, ContactMethod, NotificationRule
from firebell.people.notification_rules import quiet_hours_store, rule_times
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit, visiting
from firebell.people.verification import actions as verification_actions

router = routing.html_router()

Row = tuple[str, str]
"""A row of the form of notification rules: a contact method and minutes, as they were typed."""


async def _contact(
    visit: Visit,
    fields: Mapping[str, Any],
    error: FirebellError | None = None,
    secret: str = "",
    typed_rules: Mapping[str, Sequence[Row]] | None = None,
) -> Response:
    """Show the page; `typed_rules` are the rows of a refused form by urgency, in place of the stored ones."""
    methods = await actions.methods_of(visit.tx, [visit.person.id])
    rules_by_urgency = await actions.rules_by_urgency(visit.tx, [visit.person.id])
    rules = {urgency: by_person[visit.person.id] for urgency, by_person in rules_by_urgency.items()}
    rows = {u: [(str(r.method.id), str(r.delay_s // 60)) for r in stored] for u, stored in rules.items()}
    hours = (await quiet_hours_store.quiet_hours(visit.tx, [visit.person.id])).get(visit.person.id)
    off = [c for c in CHANNELS.values() if not c.is_ready(visit.ctx.channel_settings)]
    available = offered()
    context = {
        "nav": "settings",
        "tab": "contact",
        "live": f"person-{visit.person.id}",
        "methods": methods,
        "paged": {m.id for m in actions.paged(methods)},
        "replaceable": [("", "Nothing"), *((m.id, m.label or m.shown_address) for m in methods)],
        "rules": rules,
        "left": {m.id: _left_without(m, methods, rules["high"]) for m in methods},
        "examples": {
            u: rule_times.example(rule_times.usable(rules[u], actions.paged(methods))) for u in rules
        },
        "two_ways": rule_times.has_two_ways(rule_times.usable(rules["high"], actions.paged(methods))),
        "rows": {**rows, **(typed_rules or {})},
        "refused": next(iter(typed_rules or {}), ""),
        "hours": hours,
        "waking": any(wakes(m.kind) for m in methods),
        "channels": CHANNELS,
        "channel_label": registry.label,
        "languages": languages.languages(),
        "kinds": [(c.kind, f"{c.label} (off)" if c in off else c.label) for c in available if c.is_typed],
        "offered": available,
        "push_key": "" if web_push.CHANNEL in off else web_push.public_key(visit.ctx.signer),
        "address_links": address_links.offered(visit.ctx, visit.person.id, visit.now),
        "off": off,
        "fields": fields,
        "secret": secret,
        "error": error,
    }
    return await html.render(visit.request, "people/contact_methods.html", context)


def _left_without(
    removed: ContactMethod, methods: Sequence[ContactMethod], rules: Sequence[NotificationRule]
) -> str:
    """Return the addresses that would still get high-urgency pages, comma-separated."""
    paged = actions.paged([method for method in methods if method.id != removed.id])
    return ", ".join(dict.fromkeys(rule.method.shown_address for rule in rule_times.usable(rules, paged)))


@router.get("/settings/contact", dependencies=route_access.needs(Verb.CONTACT_METHOD_READ))
async def contact(visit: CurrentVisit) -> Response:
    return await _contact(visit, {})


@router.post("/settings/contact", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE))
async def add_contact(request: Request) -> Response:
    form, person = await route_access.form(request), await authentication.signed_in(request)
    kind, typed = str(form.get("kind", "")), str(form.get("address", ""))
    refusal = None
    try:
        address = await actions.typed_address(kind, typed, html.ctx(request).channel_settings)
    except Invalid as error:
        address, refusal = "", error
    async with visiting(request, person, form) as visit:
        return await (_contact(visit, visit.values, refusal) if refusal else _added(visit, address))


async def _added(visit: Visit, address: str) -> Response:
    """Add a contact method with an address that its channel can use."""
    fields = visit.values
    try:
        async with visit.tx.savepoint():
            method = await actions.add_contact_method(
                visit.tx,
                visit.actor,
                person_id=visit.person.id,
                kind=fields.get("kind", ""),
                address=address,
                label=fields.get("label", ""),
                replaces=to_choice(fields.get("replaces"), "replaces"),
                now=visit.now,
            )
            refused = await verification_actions.try_request_code(visit.tx, visit.actor, method, visit.now)
    except (Invalid, Conflict) as error:
        return await _contact(visit, fields, error)
    text = f"{method.shown_address} added. {refused or 'Enter the code that we sent to it.'}"
    if method.new_secret:
        flash.show(visit.request, text)
        return await _contact(visit, {}, secret=method.new_secret)
    return flash.redirect(visit.request, f"/settings/contact/{method.id}/verify", text)


@router.post("/settings/contact/push", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE))
async def renew_push(visit: CurrentVisit) -> Response:
    """Take the new subscription of a browser in place of the one it had; a script sends it."""
    await actions.renew_address(
        visit.tx,
        visit.actor,
        person_id=visit.person.id,
        kind=web_push.CHANNEL.kind,
        before=visit.text("before"),
        address=visit.text("address"),
        now=visit.now,
    )
    return Response(status_code=204)


@router.get(
    "/settings/contact/{method_id}/secret", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def rotated_secret(request: Request, method_id: int) -> Response:
    """Redirect a reload of the page that showed the secret once."""
    await authentication.signed_in(request)
    return html.redirect("/settings/contact")


@router.post(
    "/settings/contact/{method_id}/secret", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def rotate_secret(visit: CurrentVisit, method_id: int) -> Response:
    rotated = await actions.rotate_signing_secret(
        visit.tx, visit.actor, method_id, visit.person.id, visit.now
    )
    flash.show(visit.request, "Signing secret rotated. The old one also signs for 24 hours.")
    return await _contact(visit, {}, secret=rotated.secret)


@router.post("/settings/contact/{method_id}/test", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE))
async def test_contact(visit: CurrentVisit, method_id: int) -> Response:
    await actions.request_test(visit.tx, visit.actor, method_id, visit.person.id, visit.now)
    text = "Test sent. Its result is shown here within a minute."
    return flash.redirect(visit.request, "/settings/contact", text)


@router.post(
    "/settings/contact/{method_id}/remove", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE)
)
async def remove_contact(visit: CurrentVisit, method_id: int) -> Response:
    try:
        async with visit.tx.savepoint():
            removed = await actions.remove_contact_method(
                visit.tx, visit.actor, method_id, visit.person.id, visit.now
            )
            offer = await undo.offer(visit.tx, visit.ctx.signer, visit.actor, "contact.removed", visit.now)
    except Conflict as error:
        return await _contact(visit, {}, error)
    return flash.redirect(visit.request, "/settings/contact", f"{removed.shown_address} removed.", offer)


def _rows(form: FormData) -> list[Row]:
    """Return the rows of a form as they were typed, without those that are empty at the end."""
    rows = [(str(m), str(d)) for m, d in zip(form.getlist("method"), form.getlist("delay"), strict=False)]
    while rows and not any(rows[-1]):
        rows.pop()
    return rows


def _rules(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """Return (delay in seconds, method id) of each row with a contact method; raise `Invalid` naming the field."""
    return [
        (to_number(minutes, f"delay_{number}", most=1440, unit="minutes") * 60, method)
        for number, (method_id, minutes) in enumerate(rows)
        if (method := to_choice(method_id, "method")) is not None
    ]


@router.post("/settings/rules/{urgency}", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE))
async def save_rules(visit: CurrentVisit, urgency: str) -> Response:
    if urgency not in URGENCIES:
        raise Invalid(f"{urgency!r} is not an urgency.")
    rows = _rows(visit.form)
    try:
        rules = _rules(rows)
        async with visit.tx.savepoint():
            await actions.set_rules(
                visit.tx,
                visit.actor,
                person_id=visit.person.id,
                urgency=urgency,
                rules=rules,
                now=visit.now,
            )
    except (Invalid, Conflict) as error:
        return await _contact(visit, {}, error, typed_rules={urgency: rows})
    text = f"Notification rules for {urgency} urgency saved."
    return flash.redirect(visit.request, "/settings/contact", text)


@router.post("/settings/quiet-hours", dependencies=route_access.needs(Verb.CONTACT_METHOD_WRITE))
async def save_quiet_hours(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        hours = (
            None
            if fields.get("off")
            else validation.clean_quiet_hours(*(fields.get(n, "") for n in ("starts", "ends", "tz")))
        )
        async with visit.tx.savepoint():
            await actions.set_quiet_hours(visit.tx, visit.actor, visit.person.id, hours, visit.now)
    except Invalid as error:
        return await _contact(visit, fields, error)
    text = "Quiet hours saved." if hours else "Quiet hours turned off."
    return flash.redirect(visit.request, html.local(fields, "/settings/contact"), text)
