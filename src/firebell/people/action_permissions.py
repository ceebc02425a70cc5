"""Every action states who may do it: `permits` asks `permissions` before it runs, `internal` says why it does not."""

import inspect
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Forbidden
from firebell.people import permissions, store
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=Callable[..., Any])

TRUSTED_KINDS = frozenset({"system", "source"})
"""Firebell itself, and a sender whose integration key was checked when its message arrived."""
LINK_VERBS = frozenset({Verb.PAGE_RESPOND})
"""What the holder of a signed link may do, whatever their role."""
CHAT_VERBS = frozenset({Verb.INCIDENT_DECLARE, Verb.INCIDENT_READ})
"""What a user of a connected chat may do who is linked to no one."""
_UNNAMED_VERBS = {"link": LINK_VERBS, "chat": CHAT_VERBS}
_decided: ContextVar[bool] = ContextVar("decided", default=False)


@dataclass(frozen=True, slots=True)
class Permits:
    """The decision of an action: the verb it needs, and the one it needs for a thing of someone else."""

    verb: Verb
    own: str = ""
    """The parameter, or its field, with the id of the person who owns the thing; empty if no one does."""
    others: Verb | None = None


@dataclass(frozen=True, slots=True)
class Internal:
    """The decision of an action that only other actions and Firebell itself call, with the reason."""

    reason: str


Decision = Permits | Internal


async def rights_of(tx: Tx, actor: Actor) -> Rights:
    """Return the rights that an actor carries, else those of the role that the person has now."""
    if isinstance(actor.rights, Rights):
        return actor.rights
    if actor.kind == "key" or actor.person_id is None:
        raise Forbidden("This needs someone who is signed in.", hint="Sign in and try again.")
    person = (await store.people_by_id(tx, [actor.person_id])).get(actor.person_id)
    if person is None:
        raise Forbidden("This needs someone who is signed in.", hint="Sign in and try again.")
    return Rights(Role(person.role))


async def require(tx: Tx, actor: Actor, verb: Verb) -> None:
    """Raise `Forbidden` unless the actor may do the verb."""
    if actor.kind in TRUSTED_KINDS or verb in _UNNAMED_VERBS.get(actor.kind, ()):
        return
    permissions.check(await rights_of(tx, actor), verb)


async def _reader(tx: Tx, actor: Actor) -> int | None:
    """Return to whose private incidents an action is restricted, None for Firebell itself and managers."""
    if actor.person_id is None or actor.kind in TRUSTED_KINDS or actor.kind == "link":
        return None
    return permissions.private_reader(await rights_of(tx, actor), actor.person_id)


async def require_party(tx: Tx, actor: Actor, parties: Iterable[int | None]) -> None:
    """Raise `Forbidden` unless the actor is a party to an agreement about shifts, or a manager."""
    if actor.kind not in TRUSTED_KINDS and actor.person_id not in (people := set(parties)):
        permissions.check_party(await rights_of(tx, actor), actor.person_id or 0, people)


def permits(
    verb: Verb, *, own: str = "", others: Verb | None = None
) -> Callable[
    [Callable[Concatenate[Tx, Actor, P], Awaitable[R]]], Callable[Concatenate[Tx, Actor, P], Awaitable[R]]
]:
    """Let an action run only for actors who may do `verb`; raise `Forbidden` before it runs for others.

    With `own`, the thing must belong to the actor, or the actor must have the verb `others`.
    The outermost action decides: what it does by other actions is part of it.
    """
    decision = Permits(verb, own, others)

    def decorate(
        action: Callable[Concatenate[Tx, Actor, P], Awaitable[R]],
    ) -> Callable[Concatenate[Tx, Actor, P], Awaitable[R]]:
        signature = inspect.signature(action)

        @wraps(action)
        async def decided(tx: Tx, actor: Actor, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if _decided.get():
                return await action(tx, actor, *args, **kwargs)
            if own and actor.kind not in TRUSTED_KINDS:
                arguments = signature.bind(tx, actor, *args, **kwargs).arguments
                await _require_own(tx, actor, decision, _owner(arguments, own) == actor.person_id)
            else:
                await require(tx, actor, verb)
            token = _decided.set(True)
            try:
                with private_reader.as_reader(await _reader(tx, actor)):
                    return await action(tx, actor, *args, **kwargs)
            finally:
                _decided.reset(token)

        decided.decision = decision  # type: ignore[attr-defined]

        return decided

    return decorate


async def _require_own(tx: Tx, actor: Actor, decision: Permits, is_own: bool) -> None:
    """Raise `Forbidden` unless the actor may do this with a thing of their own, or with one of someone else."""
    if decision.others is not None and permissions.allows(await rights_of(tx, actor), decision.others):
        return
    if is_own:
        await require(tx, actor, decision.verb)
    elif decision.others is not None:
        await require(tx, actor, decision.others)
    else:
        raise Forbidden("This belongs to someone else.", hint="Ask them to do it.")


def _owner(arguments: dict[str, Any], own: str) -> Any:
    parameter, _, field = own.partition(".")
    value = arguments.get(parameter)
    return getattr(value, field) if field else value


def internal(reason: str) -> Callable[[A], A]:
    """Mark an action that decides nothing because only other actions and Firebell itself call it."""

    def decorate(action: A) -> A:
        action.decision = Internal(reason)  # type: ignore[attr-defined]

        return action

    return decorate


def decision_of(action: object) -> Decision | None:
    """Return the decision of an action, None if it has none."""
    decision = getattr(action, "decision", None)
    return decision if isinstance(decision, Permits | Internal) else None
