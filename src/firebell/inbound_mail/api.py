"""The mails of an integration over JSON: its address, how they are read, and the outcome of each."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.alerts import actions as alerts
from firebell.alerts.model import Integration
from firebell.catalog import actions as catalog
from firebell.inbound_mail import actions
from firebell.inbound_mail.model import MailOutcome, MailSettings
from firebell.inbound_mail.queries import address_of
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PageParams, PathId, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("services", "/services/{slug}/integrations/{integration_id}")

Reader = Annotated[Work, work(Verb.INTEGRATION_READ)]
Writer = Annotated[Work, work(Verb.INTEGRATION_CREATE)]
Matchers = Annotated[Text, Field(max_length=actions.MATCHERS_MAX_CHARS)]


class MailFields(ApiInput):
    """How the mails of an integration are read; matchers see `subject`, `from`, `to` and `body`."""

    senders: Annotated[
        list[Annotated[Text, Field(max_length=320)]],
        Field(
            max_length=actions.MAX_SENDERS,
            description="addresses, and domains such as @example.org; empty for everyone who knows the address",
        ),
    ] = Field(default_factory=list)
    resolve_matchers: Annotated[
        Matchers, Field(description="which emails resolve the alert; empty for the words of the subject")
    ] = ""
    ignore_matchers: Annotated[Matchers, Field(description="which emails are ignored")] = ""


class MailShown(ApiOutput):
    """The address of an integration, with the end of its key, and how its mails are read."""

    address: Annotated[str | None, Field(description="null if this installation receives no email")]
    senders: list[str]
    resolve_matchers: str
    ignore_matchers: str


class MailReceiptShown(ApiOutput):
    """A mail of the last 30 days, and its outcome."""

    id: int
    received_at: datetime
    sender: str
    subject: str
    outcome: MailOutcome
    reason: str
    dedup_key: str


def _shown(w: Work, integration: Integration, settings: MailSettings) -> MailShown:
    domain = w.ctx.inbound_mail.domain
    return MailShown(
        address=address_of(integration.name, integration.masked_key, domain) if domain else None,
        senders=list(settings.senders),
        resolve_matchers=settings.resolve_matchers,
        ignore_matchers=settings.ignore_matchers,
    )


async def _integration(w: Work, slug: str, integration_id: int) -> Integration:
    service = await catalog.by_slug(w.tx, slug)
    return await alerts.integration_of_service(w.tx, service.id, integration_id)


@router.get(
    "/mail",
    summary="Get the email address of an integration, and how its emails are read",
    responses=problems(404),
)
async def get_mail(w: Reader, slug: Text, integration_id: PathId) -> MailShown:
    integration = await _integration(w, slug, integration_id)
    return _shown(w, integration, await actions.settings_of(w.tx, integration.id))


@router.put("/mail", summary="Change how the emails of an integration are read", responses=problems(404))
async def update_mail(w: Writer, slug: Text, integration_id: PathId, fields: MailFields) -> MailShown:
    integration = await _integration(w, slug, integration_id)
    settings = await actions.change_settings(
        w.tx,
        w.actor,
        service_id=integration.service_id,
        integration_id=integration.id,
        senders=fields.senders,
        resolve_matchers=fields.resolve_matchers,
        ignore_matchers=fields.ignore_matchers,
        auth_server=w.ctx.inbound_mail.auth_server,
        now=w.now,
    )
    return _shown(w, integration, settings)


@router.get(
    "/mails",
    summary="List the emails of an integration with their outcomes, newest first",
    responses=problems(404),
)
async def list_mails(
    w: Reader, slug: Text, integration_id: PathId, params: PageParams
) -> list[MailReceiptShown]:
    integration = await _integration(w, slug, integration_id)
    receipts = await actions.receipts(w.tx, integration.id, params.before, params.limit)
    params.link([receipt.id for receipt in receipts])
    return [MailReceiptShown.model_validate(receipt) for receipt in receipts]
