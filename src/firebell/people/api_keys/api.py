"""The JSON API of the caller's API keys."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import Field

from firebell.kit import undo
from firebell.kit.errors import Forbidden, NotFound
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    PageParams,
    PathId,
    Removed,
    ShortName,
    problems,
    removed,
)
from firebell.people import actions
from firebell.people.api_keys import store as key_store
from firebell.people.model import SCOPES
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router()

KeyReader = Annotated[Work, work(Verb.API_KEY_READ)]
KeyCreator = Annotated[Work, work(Verb.API_KEY_CREATE)]
KeyRevoker = Annotated[Work, work(Verb.API_KEY_REVOKE)]
Scope = Literal[
    "alerts:write",
    "pages:read",
    "pages:write",
    "incidents:read",
    "incidents:declare",
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
async def list_keys(w: KeyReader, page_params: PageParams) -> list[KeyShown]:
    api_keys = await key_store.keys(w.tx, w.person_id)
    return [KeyShown.model_validate(k) for k in page_params.newest(api_keys, [k.id for k in api_keys])]


@router.post(
    "/me/keys",
    status_code=201,
    tags=["me"],
    summary="Create an API key; requires a browser session",
)
async def create_key(w: KeyCreator, body: NewKey) -> KeyMade:
    api_key, secret = await actions.create_api_key(
        w.tx,
        w.actor,
        name=body.name,
        scopes=list(body.scopes),
        person_id=w.person_id,
        now=w.now,
    )
    return KeyMade(**KeyShown.model_validate(api_key).model_dump(), key=secret)


@router.delete("/me/keys/{key_id}", tags=["me"], summary="Revoke an API key", responses=problems(404))
async def revoke_key(w: KeyRevoker, key_id: PathId) -> Removed:
    own_keys = {k.id: k for k in await key_store.keys(w.tx, w.person_id)}
    if key_id not in own_keys:
        raise NotFound(f"You have no key {key_id}.")
    if w.actor.kind == "key" and not w.scopes.issuperset(own_keys[key_id].scopes):
        raise Forbidden("That key has scopes that this key lacks.", hint="Revoke it in Settings, API keys.")
    await actions.revoke_api_key(w.tx, w.actor, key_id, w.person_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "key.revoked", w.now))
