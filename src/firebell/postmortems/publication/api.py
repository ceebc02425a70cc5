"""The API of publications: what is left, accepted problems, whom a document is sent to, and the lists for that."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions
from firebell.postmortems.publication import actions as publication
from firebell.postmortems.publication import distribution, distribution_settings, mail_store, queries, store
from firebell.postmortems.publication.checks import BlockerId
from firebell.postmortems.publication.distribution import DistributionList, DistributionSettings

router = api.router("post-mortems", "/post-mortems")
settings_router = api.router("post-mortems", "/post-mortem-settings")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Publisher = Annotated[Work, work(Verb.POSTMORTEM_PUBLISH)]
Manager = Annotated[Work, work(Verb.INCIDENT_SETTINGS_WRITE)]
Member = Annotated[Text, Field(max_length=260, examples=["list:support", "team:3", "ceo@example.com"])]


class BlockerShown(ApiOutput):
    """What keeps a document from being published; one with a `problem` can be accepted with a reason."""

    id: BlockerId
    text: str
    advice: str
    problem: str


class AcceptedProblem(ApiOutput):
    """A problem that someone accepted, with the reason."""

    problem: str
    message: str
    reason: str
    by: str
    at: datetime


class DistributionShown(ApiOutput):
    """Whom a document is sent to; `is_default` while no one chose."""

    members: list[str]
    names: list[str]
    is_default: bool
    people: list[str]
    addresses: list[str]


class PublicPlaceShown(ApiOutput):
    """A status page that shows the post-mortem for customers."""

    page: str
    url: str
    at: datetime


class PublicationState(ApiOutput):
    """What is left before a document can be published, and where it went."""

    ref: str
    is_ready: bool
    blockers: list[BlockerShown]
    accepted: list[AcceptedProblem]
    distribution: DistributionShown
    mail: Annotated[dict[str, int], Field(description="messages to addresses, by state")]
    public: list[PublicPlaceShown]


class NewAcceptance(ApiInput):
    """A problem of the list of blockers, and why the document can be published with it."""

    problem: Annotated[Text, Field(min_length=1, max_length=200)]
    reason: Annotated[Text, Field(min_length=1, max_length=publication.REASON_MAX_CHARS)]


class NewDistribution(ApiInput):
    """Whom a document is sent to; without members the lists of its severity."""

    members: Annotated[list[Member], Field(max_length=distribution.MEMBERS_MAX)]


class DistributionListFields(ApiInput):
    """A list of recipients with its short name."""

    slug: Annotated[Text, Field(max_length=40)]
    name: Annotated[Text, Field(min_length=1, max_length=distribution_settings.NAME_MAX_CHARS)]
    members: Annotated[list[Member], Field(default_factory=list, max_length=distribution.MEMBERS_MAX)]


class DistributionSettingsFields(ApiInput):
    """The lists of the organization, and the short names of those that each severity has, SEV0 first."""

    lists: Annotated[list[DistributionListFields], Field(max_length=distribution.LISTS_MAX)]
    defaults: Annotated[list[list[Text]], Field(min_length=4, max_length=4)]


class DistributionListShown(ApiOutput):
    """A list of recipients."""

    slug: str
    name: str
    members: list[str]


class DistributionSettingsShown(ApiOutput):
    """The lists of the organization, and those that each severity has, SEV0 first."""

    lists: list[DistributionListShown]
    defaults: list[list[str]]


@router.get(
    "/{ref}/publication", summary="Get what is left before a document is published", responses=problems(404)
)
async def get_publication(w: Reader, ref: Text) -> PublicationState:
    desk = await queries.desk(w.tx, parse_ref("INC", ref))
    postmortem, chosen = desk.postmortem, desk.distribution
    version = postmortem.published_version
    return PublicationState(
        ref=postmortem.ref,
        is_ready=not desk.blockers,
        blockers=[BlockerShown.model_validate(each) for each in desk.blockers],
        accepted=[
            AcceptedProblem(
                problem=each.problem, message=each.message, reason=each.reason, by=each.actor, at=each.at
            )
            for each in desk.acknowledged
        ],
        distribution=_distribution(chosen),
        mail=await mail_store.states(w.tx, postmortem.id, version) if version else {},
        public=[
            PublicPlaceShown(
                page=place.page_name,
                url=f"{w.ctx.public_url}/s/{place.page_slug}/incidents/{place.public_id}",
                at=place.at,
            )
            for place in await store.public_places(w.tx, postmortem.incident_id)
        ],
    )


@router.post(
    "/{ref}/accepted-problems",
    status_code=201,
    summary="Accept a problem with a reason, so that the document can be published with it",
    responses=problems(404),
)
async def accept_problem(w: Publisher, ref: Text, new: NewAcceptance) -> PublicationState:
    await actions.acknowledge(w.tx, w.actor, parse_ref("INC", ref), new.problem, new.reason, w.now)
    return await get_publication(w, ref)


@router.put("/{ref}/distribution", summary="Choose whom a document is sent to", responses=problems(404))
async def set_distribution(w: Publisher, ref: Text, new: NewDistribution) -> DistributionShown:
    chosen = await actions.set_distribution(w.tx, w.actor, parse_ref("INC", ref), new.members, w.now)
    return _distribution(chosen)


@settings_router.get("/distribution", summary="Get the distribution lists of post-mortems")
async def get_distribution_settings(w: Reader) -> DistributionSettingsShown:
    return _settings(await distribution_settings.load(w.tx))


@settings_router.put("/distribution", summary="Replace the distribution lists of post-mortems")
async def save_distribution_settings(
    w: Manager, new: DistributionSettingsFields
) -> DistributionSettingsShown:
    lists = [DistributionList(each.slug, each.name, tuple(each.members)) for each in new.lists]
    return _settings(await actions.save_distribution_settings(w.tx, w.actor, lists, new.defaults, w.now))


def _distribution(chosen: queries.ChosenDistribution) -> DistributionShown:
    return DistributionShown(
        members=list(chosen.members),
        names=list(chosen.names),
        is_default=chosen.is_default,
        people=[person.name for person in chosen.recipients.people],
        addresses=list(chosen.recipients.addresses),
    )


def _settings(settings: DistributionSettings) -> DistributionSettingsShown:
    return DistributionSettingsShown(
        lists=[DistributionListShown.model_validate(each) for each in settings.lists],
        defaults=[list(chosen) for chosen in settings.defaults],
    )
