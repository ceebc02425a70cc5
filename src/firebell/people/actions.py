"""Actions on people; offers those on their teams, contact methods and keys to other slices."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.channels.email import CHANNEL as EMAIL
from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.signing import Signer
from firebell.kit.text import clean_name
from firebell.kit.threads import PASSWORDS
from firebell.kit.web.field_errors import FieldErrors
from firebell.people import contact_method_store, store, validation
from firebell.people.action_permissions import permits, require
from firebell.people.api_keys import actions as key_actions
from firebell.people.api_keys import store as key_store
from firebell.people.contact_methods import actions as contact_method_actions
from firebell.people.contact_methods import address_links
from firebell.people.model import (
    URGENCIES,
    AccountRoleChanged,
    Person,
    PersonLeft,
    QuietHours,
    QuietHoursChanged,
    Role,
)
from firebell.people.notification_rules import quiet_hours_store
from firebell.people.notification_rules import store as notification_rule_store
from firebell.people.permissions import Verb
from firebell.people.sessions import actions as sessions
from firebell.people.sign_in import links as sign_in_links
from firebell.people.sign_in import password_hashing, password_rules
from firebell.people.teams import actions as team_actions
from firebell.people.teams import store as team_store
from firebell.people.verification import actions as verification_actions
from firebell.people.verification import rules as verification

RULES = 50
"""Maximum number of a person's notification rules for one urgency."""


has_people = store.has_people
fallback_responders = team_store.fallback_responders
check_zone = validation.check_zone
colleagues = team_store.colleagues
connect_address = address_links.connect
hold_active = store.hold_active
left_since = store.left_since
create_team = team_actions.create_team
restore_fallback_responders = team_actions.restore_fallback_responders
restore_team_members = team_actions.restore_team_members
set_fallback_responders = team_actions.set_fallback_responders
set_team_members = team_actions.set_team_members
team = team_actions.team
team_by_slug = team_actions.team_by_slug
team_members = team_actions.team_members
create_api_key = key_actions.create_api_key
keys = key_store.keys
restore_api_key = key_actions.restore_api_key
revoke_api_key = key_actions.revoke_api_key
add_contact_method = contact_method_actions.add_contact_method
typed_address = contact_method_actions.typed_address
remove_contact_method = contact_method_actions.remove_contact_method
renew_address = contact_method_actions.renew_address
request_test = contact_method_actions.request_test
restore_contact_method = contact_method_actions.restore_contact_method
rotate_signing_secret = contact_method_actions.rotate_signing_secret
signing_secret = contact_method_actions.signing_secret
set_message_settings = contact_method_actions.set_message_settings
message_settings = contact_method_store.message_settings
method = contact_method_store.method
methods_at = contact_method_store.methods_at
mark_method_verified = verification_actions.mark_method_verified
record_address_failure = verification_actions.record_address_failure
record_test = verification_actions.record_test
request_code = verification_actions.request_code
issue_code = verification_actions.issue_code
opt_in = verification_actions.opt_in
opt_out = verification_actions.opt_out
owner_of_link = address_links.owner_of
paged = verification.paged
people = store.people
people_by_id = store.people_by_id
quiet_hours = quiet_hours_store.quiet_hours
rules_of = notification_rule_store.rules
rules_by_urgency = notification_rule_store.rules_by_urgency
move_demo_phones = contact_method_store.move_demo_phones
signing_secrets = contact_method_store.signing_secrets
person_by_email = store.person_by_email
team_ids_of = team_store.team_ids_of
teams = team_store.teams
members = team_store.members
methods_of = contact_method_store.methods


async def people_with_role(tx: Tx, roles: Collection[Role]) -> list[Person]:
    """Return the active people with one of these roles."""
    return [person for person in await store.people(tx) if person.active and person.role in roles]


async def managers(tx: Tx) -> list[int]:
    """Return the ids of the active managers, or of the active admins if there are none."""
    active = [person for person in await store.people(tx) if person.active]
    return [p.id for p in active if p.role == Role.MANAGER] or [p.id for p in active if p.role == Role.ADMIN]


async def hash_secret(password: str) -> str:
    """Return the hash of a password, without checking how good it is."""
    return await PASSWORDS.run(lambda: password_hashing.hash_password(password))


async def is_secret(stored: str, password: str) -> bool:
    """Return True if `stored` is the hash of a password that belongs to no person."""
    return await PASSWORDS.run(lambda: password_hashing.verify(stored, password))


async def hash_new_password(*, name: str, email: str, role: str, tz: str, password: str) -> str:
    """Return the hash of the first password of a person to create; raise `Invalid` naming every wrong field."""
    errors = FieldErrors()
    _check_person(name, email, role, tz, errors)
    errors.value(lambda: password_rules.check(password, (name, email)), None)
    errors.check()
    return await hash_secret(password)


async def hash_password(password: str, owner: Person) -> str:
    """Return the hash of a new password; raise `Invalid` when it is short, common, or made of the owner's name."""
    return await hash_secret(password_rules.check(password, (owner.name, owner.email)))


async def person(tx: Tx, person_id: int) -> Person:
    """Return one person; raise `NotFound`."""
    people_by_id = await store.people_by_id(tx, [person_id])
    if person_id not in people_by_id:
        raise NotFound(f"There is no person {person_id}.")
    return people_by_id[person_id]


def _check_person(name: str, email: str, role: str, tz: str, errors: FieldErrors) -> tuple[str, str]:
    """Return the name and the address as they are stored, and add what is wrong to `errors`."""
    clean = errors.value(lambda: clean_name(name, "name"), "")
    address = errors.value(lambda: validation.clean_email(email), "")
    errors.value(lambda: validation.check_role(role), None)
    errors.value(lambda: validation.check_zone(tz), None)
    return clean, address


@permits(Verb.PERSON_WRITE)
async def create_person(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    email: str,
    role: str,
    tz: str,
    password_hash: str | None = None,
    now: datetime,
) -> Person:
    """Create a person with email as their contact method; raise `Invalid` naming every wrong field.

    Compute the hash before the transaction, by `hash_new_password` unless the password was checked.
    """
    errors = FieldErrors()
    clean, address = _check_person(name, email, role, tz, errors)
    errors.check()
    person = await store.insert_person(tx, clean, address, role, tz, password_hash, now)
    if person is None:
        raise Conflict(
            f"Someone already uses {email.strip()}.",
            fields={"email": "This address is taken. Enter another one."},
        )
    method = await contact_method_store.insert_method(tx, person.id, EMAIL.kind, person.email, "", now)
    assert method
    for urgency in URGENCIES:
        await notification_rule_store.add_rule(tx, person.id, urgency, 0, method.id)
    await tx.audit(actor, "person.created", f"person:{person.id}", now, name=person.name, role=role)
    return person


@permits(Verb.OWN_PROFILE_WRITE, own="person_id", others=Verb.PERSON_WRITE)
async def update_person(
    tx: Tx,
    actor: Actor,
    person_id: int,
    *,
    name: str | None = None,
    role: str | None = None,
    tz: str | None = None,
    theme: str | None = None,
    active: bool | None = None,
    now: datetime,
) -> None:
    """Update the given fields; raise `Conflict` rather than lose the last admin or the last fallback responder."""
    if role is not None or active is not None:
        await require(tx, actor, Verb.PERSON_WRITE)
    await store.lock_organization(tx)
    old = await person(tx, person_id)
    new = {
        "name": clean_name(name, "name") if name is not None else old.name,
        "role": validation.check_role(role) if role is not None else old.role,
        "tz": validation.check_zone(tz) if tz is not None else old.tz,
        "theme": theme if theme in ("auto", "light", "dark") else old.theme,
    }
    stays = old.active if active is None else active
    if old.role == Role.ADMIN and (new["role"] != Role.ADMIN or not stays):
        admins = [p for p in await store.people(tx) if p.role == Role.ADMIN and p.active]
        if [p.id for p in admins] == [person_id]:
            raise Conflict(f"{old.name} is the only admin.", hint="Make someone else an admin first.")
    if old.active and not stays and await team_store.fallback_responders(tx) == [person_id]:
        raise Conflict(
            f"{old.name} is the only fallback responder.",
            hint="Add another fallback responder under Settings, Teams first.",
        )
    await store.update_person(tx, person_id, **new, active=stays)
    if old.active and not stays:
        await store.note_left(tx, person_id, now)
        ended = await sessions.delete_all(tx, person_id)
        revoked = await sessions.revoke_access(tx, person_id, now)
        await tx.emit(PersonLeft(person_id), now)
        await tx.audit(actor, "person.left", f"person:{person_id}", now, sessions=ended, keys=revoked)
    if stays and not old.active:
        await store.note_back(tx, person_id, now)
    if new["role"] != old.role:
        await tx.emit(AccountRoleChanged(person_id), now)
    await tx.audit(actor, "person.changed", f"person:{person_id}", now, **new, active=stays)


@permits(Verb.OWN_PROFILE_WRITE, own="person_id")
async def change_password(
    tx: Tx, actor: Actor, person_id: int, old_hash: str | None, new_hash: str, now: datetime
) -> None:
    """Replace the password that was verified and end every session; raise `Conflict` when it changed meanwhile.

    Of several changes from the same old password, one succeeds.
    """
    if not await store.replace_password_hash(tx, person_id, old_hash, new_hash):
        raise Conflict("Your password was changed elsewhere just now.", hint="Sign in with the new password.")
    ended = await sessions.delete_all(tx, person_id)
    await tx.audit(actor, "person.password", f"person:{person_id}", now, sessions=ended)


@permits(Verb.PERSON_WRITE)
async def welcome_link(tx: Tx, actor: Actor, signer: Signer, person_id: int, now: datetime) -> str:
    """Return the path of a sign-in link: valid once, for three days, to choose a password."""
    await person(tx, person_id)
    path = sign_in_links.link(signer, person_id, await store.password_hash(tx, person_id), now)
    await tx.audit(actor, "person.link", f"person:{person_id}", now)
    return path


async def welcomed(tx: Tx, signer: Signer, token: str, now: datetime) -> Person:
    """Return the person of a sign-in link; raise `Invalid` if it is used, forged, expired, or they were deactivated."""
    link = sign_in_links.read(signer, token, now)
    sign_in_links.check(link, await store.password_hash(tx, link.person_id))
    if await store.left_since(tx, link.person_id, link.made_at):
        raise Invalid("This link is no longer valid.", hint="Ask an admin for a new one.")
    return await person(tx, link.person_id)


async def choose_password(tx: Tx, signer: Signer, token: str, new_hash: str, now: datetime) -> Person:
    """Set the password with a sign-in link and return its person; of several uses at once, one succeeds."""
    await store.lock_person(tx, sign_in_links.read(signer, token, now).person_id)
    holder = await welcomed(tx, signer, token, now)
    await store.set_password_hash(tx, holder.id, new_hash)
    ended = await sessions.delete_all(tx, holder.id)
    await tx.audit(
        Actor("person", holder.name, holder.id),
        "person.password",
        f"person:{holder.id}",
        now,
        by="link",
        sessions=ended,
    )
    return holder


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def set_rules(
    tx: Tx, actor: Actor, *, person_id: int, urgency: str, rules: Sequence[tuple[int, int]], now: datetime
) -> None:
    """Replace a person's notification rules of one urgency by (delay in seconds, method id) pairs; one delay is 0."""
    if urgency not in URGENCIES:
        raise Invalid(f"{urgency!r} is not an urgency.", fields={"urgency": "Use high or low."})
    if len(rules) > RULES:
        raise Invalid(
            f"{len(rules)} notification rules are too many.",
            fields={"rules": f"Enter at most {RULES} rules."},
        )
    await store.lock_person(tx, person_id)
    method_ids = {m.id for m in await contact_method_store.methods(tx, [person_id])}
    if unknown := [m for _, m in rules if m not in method_ids]:
        raise NotFound(f"There is no contact method {unknown[0]}.")
    if not any(delay == 0 for delay, _ in rules):
        raise Invalid(
            "No rule notifies you right away.", fields={"delay": "Set the delay of one contact method to 0."}
        )
    await notification_rule_store.clear_rules(tx, person_id, urgency)
    for delay, method_id in rules:
        if not 0 <= delay <= 86400:
            raise Invalid(f"{delay} s is not a valid delay.", fields={"delay": "Enter 0 to 1440 minutes."})
        await notification_rule_store.add_rule(tx, person_id, urgency, delay, method_id)
    await tx.audit(actor, "rules.set", f"person:{person_id}", now, urgency=urgency, rules=list(rules))


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def set_quiet_hours(
    tx: Tx, actor: Actor, person_id: int, hours: QuietHours | None, now: datetime
) -> None:
    """Set the hours in which low-urgency notifications are held; None turns quiet hours off."""
    if hours is None:
        await quiet_hours_store.clear_quiet_hours(tx, person_id)
        await tx.audit(actor, "quiet.cleared", f"person:{person_id}", now)
    else:
        await quiet_hours_store.set_quiet_hours(tx, person_id, hours)
        span = {"starts": f"{hours.starts:%H:%M}", "ends": f"{hours.ends:%H:%M}", "tz": hours.tz}
        await tx.audit(actor, "quiet.set", f"person:{person_id}", now, **span)
    await tx.emit(QuietHoursChanged(person_id), now)
    await tx.live(f"person-{person_id}")


@permits(Verb.PERSON_WRITE)
async def reactivate_person(tx: Tx, actor: Actor, entry: undo.Entry, now: datetime) -> Person:
    """Reactivate a person who was deactivated; their API keys and calendar feeds stay revoked."""
    restored = await person(tx, entry.subject_id)
    if restored.active:
        raise undo.changed_since(f"{restored.name} was already reactivated.", "Nothing else to do.")
    await update_person(tx, actor, restored.id, active=True, now=now)
    return restored
