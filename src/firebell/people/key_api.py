"""The JSON API of the caller's API keys."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import Field

from firebell.kit.errors import Forbidden, NotFound
from firebell.kit.web import api, undo
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    PageParams,
    PathId,
    Removed,
    ShortName,
    problems,
    removed,
)
from firebell.people import actions, key_store
from firebell.people.access import Caller, may
from firebell.people.model import SCOPES
from firebell.people.permissions import Verb

router = api.router()

KeyReader = Annotated[Caller, may(Verb.API_KEY_READ)]
KeyCreator = Annotated[Caller, may(Verb.API_KEY_CREATE)]
KeyRevoker = Annotated[Caller, may(Verb.API_KEY_REVOKE)]
Scope = Literal[
    "alerts:write",
    "pages:read",
    "pages:write",
    "incidents:read",
    "incidents:write",
    "oncall:read",
    "oncall:write",
    "admin",
]
assert get_args(Scope) == SCOPES


class KeyShown(ApiOutput):
    """A key without its secret."""

    id: int
    name: str
    prefix: str
    scopes: list[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyMade(KeyShown):
    """A new key; `key` is the secret, shown only here."""

    key: str


class NewKey(ApiInput):
    """A key to create; the caller's role must include each scope."""

    name: Annotated[ShortName, Field(examples=["deploy script"])]
    scopes: Annotated[list[Scope], Field(min_length=1, max_length=20, examples=[["alerts:write"]])]


@router.get("/me/keys", tags=["me"], summary="List your API keys, newest first")
async def list_keys(ctx: Ctx, caller: KeyReader, stretch: PageParams) -> list[KeyShown]:
    async with ctx.db.tx() as tx:
        api_keys = await key_store.keys(tx, caller.person_id)
    return [KeyShown.model_validate(k) for k in stretch.newest(api_keys, [k.id for k in api_keys])]


@router.post(
    "/me/keys",
    status_code=201,
    tags=["me"],
    summary="Create an API key; requires a browser session",
)
async def create_key(ctx: Ctx, caller: KeyCreator, given: NewKey) -> KeyMade:
    async with ctx.db.tx() as tx:
        made, secret = await actions.create_api_key(
            tx,
            caller.actor,
            name=given.name,
            scopes=list(given.scopes),
            person_id=caller.person_id,
            now=ctx.clock.now(),
        )
    return KeyMade(**KeyShown.model_validate(made).model_dump(), key=secret)


@router.delete("/me/keys/{key_id}", tags=["me"], summary="Revoke an API key", responses=problems(404))
async def revoke_key(ctx: Ctx, caller: KeyRevoker, key_id: PathId) -> Removed:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        own_keys = {k.id: k for k in await key_store.keys(tx, caller.person_id)}
        if key_id not in own_keys:
            raise NotFound(f"You have no key {key_id}.")
        if caller.actor.kind == "key" and not caller.scopes.issuperset(own_keys[key_id].scopes):
            raise Forbidden(
                "That key has scopes that this key lacks.", hint="Revoke it in Settings, API keys."
            )
        await actions.revoke_api_key(tx, caller.actor, key_id, caller.person_id, now)
        return removed(await undo.offer(tx, ctx.signer, caller.actor, "key.revoked", now))
