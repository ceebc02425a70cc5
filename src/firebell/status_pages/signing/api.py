"""The API of the keys with which a status page signs its log."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions
from firebell.status_pages.signing import actions as signing_actions
from firebell.status_pages.signing import store
from firebell.status_pages.signing.model import SigningKey

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]
_PATH = "/status-pages/{slug}/signing-keys"


class SigningKeyShown(ApiOutput):
    """A public key, in Base64, that signs the log of a page from `first_entry` on until the next key."""

    public_key: str
    first_entry: int
    created_at: datetime
    created_by: str
    reason: str
    is_present: bool


class NewSigningKey(ApiInput):
    """Why the key is replaced; readers of the log see it."""

    reason: Annotated[Text, Field(max_length=signing_actions.REASON_MAX_CHARS, examples=["Yearly change."])]


def _shown(key: SigningKey) -> SigningKeyShown:
    return SigningKeyShown(
        public_key=key.published.public_key,
        first_entry=key.published.first_entry,
        created_at=key.published.created_at,
        created_by=key.actor,
        reason=key.reason,
        is_present=key.is_present,
    )


@router.get(_PATH, summary="List the keys that sign the log of a status page", responses=problems(404))
async def list_signing_keys(w: Reader, slug: Text) -> list[SigningKeyShown]:
    page = await actions.status_page(w.tx, slug)
    return [_shown(key) for key in await store.keys(w.tx, page.id)]


@router.post(
    _PATH,
    status_code=201,
    summary="Replace the key that signs the log of a status page; the log announces the new one",
    responses=problems(404),
)
async def replace_signing_key(w: Manager, slug: Text, body: NewSigningKey) -> SigningKeyShown:
    page = await actions.status_page(w.tx, slug)
    return _shown((await signing_actions.replace_key(w.tx, w.actor, page.id, body.reason, w.now))[-1])
