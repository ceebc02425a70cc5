"""Actions that verify, disable and remove contact methods (spec 10.3); each writes its audit row."""

import math
import secrets
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, TooMany
from firebell.kit.signing import Signer
from firebell.people import contact_method_store, store
from firebell.people.action_permissions import internal, permits
from firebell.people.model import ContactCodeRequested, ContactMethod, ContactMethodDisabled, MethodState
from firebell.people.own_contact_methods import own_method
from firebell.people.permissions import Verb
from firebell.people.verification import rules as verification
from firebell.people.verification import store as verification_store
from firebell.people.verification.rules import CodeOutcome, Limit, MethodEvent

EXPIRED_PER_RUN = 100
_PURPOSE = "contact-code"
_LIMIT_TEXTS = {
    Limit.RESEND: "A code was sent less than a minute ago.",
    Limit.ADDRESS: f"{verification.ADDRESS_CODES_PER_DAY} codes were sent to this address in the last 24 hours.",
    Limit.PERSON: f"{verification.PERSON_CODES_PER_DAY} codes were sent to you in the last 24 hours.",
    Limit.INSTALLATION: f"Firebell sent {verification.CODES_PER_DAY} codes in the last 24 hours.",
}


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def request_code(tx: Tx, actor: Actor, method_id: int, person_id: int, now: datetime) -> ContactMethod:
    """Request a code through one of the person's own contact methods; an earlier code becomes invalid.

    Raise `Conflict` if it is verified, `TooMany` when a limit is reached.
    """
    await store.lock_person(tx, person_id)
    method = await own_method(tx, person_id, method_id)
    if method.state is MethodState.VERIFIED:
        raise Conflict("This contact method is already verified.", hint="Send a test to see that it works.")
    await verification_store.lock_requests(tx)
    requests = await verification_store.requests_since(tx, now - verification.DAY)
    if refused := verification.refused_until(method, requests, now):
        limit, until = refused
        wait = math.ceil((until - now).total_seconds())
        unit = f"{wait} s" if wait <= 60 else f"{math.ceil(wait / 60)} min"
        raise TooMany(_LIMIT_TEXTS[limit], hint=f"Try again in {unit}.", retry_after=wait)
    code_id = await verification_store.insert_request(tx, method_id, now)
    await verification_store.record_test(tx, method_id, "sent", now)
    await tx.emit(ContactCodeRequested(method_id, code_id), now)
    await tx.audit(actor, "contact.code_sent", f"person:{person_id}", now, method=method_id)
    await tx.live(f"person-{person_id}")
    return method


@permits(Verb.CONTACT_METHOD_WRITE)
async def try_request_code(tx: Tx, actor: Actor, method: ContactMethod, now: datetime) -> str:
    """Request a code for a contact method that was just added; return why none is sent, or an empty text."""
    try:
        await request_code(tx, actor, method.id, method.person_id, now)
    except TooMany as error:
        return f"{error.message} {error.hint}"
    return ""


def _digest(signer: Signer, code_id: int, code: str) -> bytes:
    return signer.digest(_PURPOSE, f"{code_id}.{code}".encode()).encode()


async def issue_code(tx: Tx, signer: Signer, code_id: int, now: datetime) -> str:
    """Return a new random code of a request, of which only the HMAC is stored; empty if the request is over."""
    code = f"{secrets.randbelow(10**verification.CODE_DIGITS):0{verification.CODE_DIGITS}d}"
    digest = _digest(signer, code_id, code)
    issued = await verification_store.add_digest(tx, code_id, digest, now - verification.CODE_VALID)
    return code if issued else ""


@dataclass(frozen=True, slots=True)
class CodeEntered:
    """The result of entering a code."""

    entry: CodeOutcome
    tries_left: int
    method: ContactMethod

    def check(self) -> None:
        """Raise `Invalid` unless the code verified the contact method; to be called after the commit."""
        match self.entry:
            case CodeOutcome.VERIFIED:
                return
            case CodeOutcome.NONE_SENT:
                message, advice = "No code was sent through this contact method.", "Send a code first."
            case CodeOutcome.USED:
                message, advice = (
                    "This code was already used.",
                    "Nothing else to do, unless the method failed since.",
                )
            case CodeOutcome.EXPIRED:
                message, advice = "This code has expired.", "Send a new code."
            case CodeOutcome.TOO_MANY_TRIES:
                message, advice = "Too many wrong codes were entered.", "Send a new code."
            case CodeOutcome.WRONG:
                left = self.tries_left
                message = "This code is wrong."
                advice = (
                    f"Enter the {verification.CODE_DIGITS} digits of the latest message."
                    f" You have {left} {'try' if left == 1 else 'tries'} left."
                    if left
                    else "Send a new code."
                )
        raise Invalid(message, fields={"code": f"{message} {advice}"})


@permits(Verb.CONTACT_METHOD_WRITE, own="person_id")
async def enter_code(
    tx: Tx, actor: Actor, signer: Signer, method_id: int, person_id: int, text: str, now: datetime
) -> CodeEntered:
    """Verify one of the person's own contact methods with a code, once.

    A wrong code is counted: the caller commits, and calls `check` of the result afterwards. Entries of one person
    happen one after the other.
    """
    await store.lock_person(tx, person_id)
    method = await own_method(tx, person_id, method_id)
    issued = await verification_store.latest_code(tx, method_id)
    digest = _digest(signer, issued.id if issued else 0, verification.clean_code(text))
    entry = verification.entry_of(issued, digest, now)
    tries_left = 0
    if issued and entry is CodeOutcome.WRONG:
        await verification_store.count_try(tx, issued.id)
        tries_left = verification.MAX_TRIES - issued.tries - 1
        if not tries_left:
            await tx.audit(actor, "contact.code_refused", f"person:{person_id}", now, method=method_id)
    if issued and entry is CodeOutcome.VERIFIED:
        await verification_store.mark_used(tx, issued.id, now)
        await _verify(tx, actor, method, now)
    return CodeEntered(entry, tries_left, method)


async def _verify(tx: Tx, actor: Actor, method: ContactMethod, now: datetime) -> None:
    """Mark as verified; the contact method that it replaces hands over its notification rules and is removed."""
    assert verification.transition(method.state, MethodEvent.CODE_ENTERED) is MethodState.VERIFIED
    await verification_store.mark_verified(tx, method.id, now)
    subject = f"person:{method.person_id}"
    await tx.audit(actor, "contact.verified", subject, now, method=method.id)
    in_use = {m.id for m in await contact_method_store.methods(tx, [method.person_id])}
    if method.replaces in in_use and method.replaces is not None:
        await verification_store.move_rules(tx, method.replaces, method.id)
        await contact_method_store.disable_method(tx, method.replaces, now)
        await tx.audit(actor, "contact.replaced", subject, now, method=method.replaces, by=method.id)
    await tx.live(subject.replace(":", "-"))


@internal("Part of connecting an address by a link, which proves it.")
async def verify_connected(tx: Tx, actor: Actor, method: ContactMethod, now: datetime) -> None:
    """Verify a contact method whose owner opened a link of theirs at its address; one that works stays as it is."""
    if method.state is not MethodState.VERIFIED:
        await _verify(tx, actor, method, now)


async def mark_method_verified(tx: Tx, method_id: int, now: datetime) -> None:
    """Verify a contact method without a code, for organizations that are made up."""
    await verification_store.mark_verified(tx, method_id, now)


async def record_test(tx: Tx, method_id: int, result: str, now: datetime) -> None:
    """Record that a test or code was `accepted` or `failed`; neither verifies."""
    await verification_store.record_test(tx, method_id, result, now)


async def record_address_failure(tx: Tx, method_id: int, address: str, now: datetime, *, gone: bool) -> None:
    """Record that an address failed: its contact method is suspect, or disabled if it is gone or failed before.

    The failure of an address that was renewed meanwhile says nothing about the new one.
    """
    locked = await verification_store.lock_method(tx, method_id)
    method = await contact_method_store.method(tx, method_id) if locked else None
    if method is None or method.address != address:
        return
    failed_recently = verification.is_second_failure(method.suspect_since, now)
    event = MethodEvent.GONE if gone else MethodEvent.ADDRESS_FAILED
    after = verification.transition(method.state, event, failed_recently=failed_recently)
    await verification_store.mark_failed(tx, method_id, now, verification.FAILURE_WINDOW)
    if after is MethodState.DISABLED and method.state is not MethodState.DISABLED:
        await verification_store.mark_unusable(tx, method_id, now)
        subject = f"person:{method.person_id}"
        await tx.audit(SYSTEM, "contact.disabled", subject, now, method=method_id, gone=gone)
        await tx.emit(ContactMethodDisabled(method_id), now)
    await tx.live(f"person-{method.person_id}")


async def opt_out(tx: Tx, kind: str, address: str, now: datetime) -> None:
    """Disable every contact method that has an address, because its owner asked for that there."""
    for method in await contact_method_store.methods_at(tx, kind, address):
        await record_address_failure(tx, method.id, address, now, gone=True)


async def opt_in(tx: Tx, kind: str, address: str, now: datetime) -> None:
    """Use verified contact methods of an address again that were disabled; its owner asked for that there."""
    for method in await contact_method_store.methods_at(tx, kind, address):
        is_locked = await verification_store.lock_method(tx, method.id)
        if is_locked and method.verified_at and method.state is MethodState.DISABLED:
            await verification_store.mark_usable(tx, method.id)
            subject = f"person:{method.person_id}"
            await tx.audit(SYSTEM, "contact.enabled", subject, now, method=method.id)
            await tx.live(f"person-{method.person_id}")


async def remove_unverified(tx: Tx, now: datetime) -> bool:
    """Remove a batch of contact methods that no one verified for 7 days; return True if more may be left.

    One stays if its owner has no verified contact method: pages go to it.
    """
    before = now - verification.VERIFY_WITHIN
    overdue = await verification_store.unverified_since(tx, before, EXPIRED_PER_RUN)
    for person_id in sorted({person_id for person_id, _ in overdue}):
        await store.lock_person(tx, person_id)
    # again under the locks: someone may just have removed the verified one, or verified this one
    confirmed = set(await verification_store.unverified_since(tx, before, EXPIRED_PER_RUN))
    for person_id, method_id in overdue:
        method = (
            await contact_method_store.method(tx, method_id) if (person_id, method_id) in confirmed else None
        )
        if method is None:
            continue
        if verification.transition(method.state, MethodEvent.VERIFY_WITHIN_PASSED) is None:
            await contact_method_store.disable_method(tx, method_id, now)
            await tx.audit(SYSTEM, "contact.expired", f"person:{person_id}", now, method=method_id)
            await tx.live(f"person-{person_id}")
    return len(overdue) == EXPIRED_PER_RUN


async def prune_codes(tx: Tx, now: datetime) -> bool:
    """Delete a batch of codes that no limit counts anymore; return True if more may be left."""
    return await verification_store.prune_codes(tx, now - verification.DAY)
