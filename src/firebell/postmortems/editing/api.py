"""The API of a document: its sections, versions, wording and evidence."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Request
from pydantic import Field

from firebell.kit.findings import FindingLevel
from firebell.kit.line_diff import difference
from firebell.kit.references import parse_ref
from firebell.kit.text import MAX_ID
from firebell.kit.web import api, transaction
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    PageParams,
    PathId,
    StrictInt,
    Text,
    problems,
)
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions, lookup, text_limits
from firebell.postmortems.blameless import isolated
from firebell.postmortems.document import sections, whys
from firebell.postmortems.document.factors import FACTORS, label
from firebell.postmortems.editing import queries, version_store
from firebell.postmortems.editing.html_rendering import markdown_html
from firebell.postmortems.editing.save_counting import counted
from firebell.postmortems.guide.steps import StepId
from firebell.postmortems.meeting import store as meeting_store
from firebell.postmortems.meeting.model import is_settled
from firebell.postmortems.model import ListedVersion, VersionReason

router = api.router("post-mortems", "/post-mortems")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]
Previewer = Annotated[Caller, may(Verb.POSTMORTEM_READ)]
Slug = Annotated[Text, Field(max_length=200, pattern=r"^\w[\w-]*$")]
Body = Annotated[Text, Field(max_length=text_limits.BODY_MAX_CHARS)]
Hash = Annotated[Text, Field(pattern=r"^[0-9a-f]{16}$")]


class SectionShown(ApiOutput):
    """A section: what is under a heading of level two; `head` is what is before the first."""

    slug: str
    title: str
    text: str
    hash: str
    line: int


class SectionsShown(ApiOutput):
    """The sections of a document in one version."""

    version: int
    sections: list[SectionShown]


class NewSectionText(ApiInput):
    """The text under a heading, and the version and the hash of the section that was edited."""

    base_version: Id
    base_hash: Hash
    text: Body


class SavedSectionShown(ApiOutput):
    """A section as it is saved now; it has changes of others too if `is_merged`."""

    version: int
    hash: str
    text: str
    is_merged: bool


class SectionToLint(ApiInput):
    """The text of a section. The answer has the same `sequence`, so that an older answer can be dropped."""

    section: Annotated[Text, Field(max_length=200)] = ""
    text: Annotated[Text, Field(max_length=text_limits.BODY_MAX_CHARS)]
    sequence: StrictInt = 0


class WordingFinding(ApiOutput):
    """A sentence that blames; `start` and `end` are characters of the text."""

    id: str
    code: str
    level: FindingLevel
    message: str
    question: str
    quote: str
    replacement: str
    start: int
    end: int
    line: int


class WordingShown(ApiOutput):
    """The findings of a text; nothing was examined if `examined` is false, because the rules are English."""

    sequence: int
    examined: bool
    language: str
    findings: list[WordingFinding]


class TextToPreview(ApiInput):
    """Markdown of a document."""

    text: Body


class RenderedText(ApiOutput):
    """A text as safe HTML, with the content of its live blocks."""

    html: str


class DocumentVersionShown(ApiOutput):
    """A stored version of a document."""

    n: int
    reason: VersionReason
    section: str
    base_n: int | None
    by: str
    at: datetime


class VersionDetail(DocumentVersionShown):
    """A stored version with its Markdown."""

    body: str


class DiffLineShown(ApiOutput):
    """A line of a difference; `parts` are its pieces, with whether they changed."""

    kind: Literal["same", "added", "removed", "skipped"]
    text: str
    parts: list[tuple[str, bool]]


class DiffShown(ApiOutput):
    """What changed from one version to another; `to` is the current one without a number."""

    base: int
    to: int
    lines: list[DiffLineShown]


class RestoredDocument(ApiOutput):
    """The number of the version that has the restored text."""

    version: int


class EvidenceOption(ApiOutput):
    """Something recorded that a document can cite as `[ref]`."""

    ref: Annotated[str, Field(examples=["t:412"])]
    at: datetime
    who: str
    text: str


class DocumentCheckShown(ApiOutput):
    """A check before publication; `level` is null if it passed."""

    id: str
    level: FindingLevel | None
    text: str
    section: str


class GuidedStepShown(ApiOutput):
    """A guided step; `missing` says what it still needs."""

    id: StepId
    label: str
    due_at: datetime
    is_done: bool
    missing: list[str]


class WhyShown(ApiOutput):
    """An item of the tree of whys."""

    kind: Literal["effect", "why", "root", "open"]
    text: str
    line: int
    depth: int
    evidence: list[str]
    factor: str
    factor_label: str
    actions: list[str]


class MeasureShown(ApiOutput):
    """How long a part of the incident took, in seconds, and with how many people; null if not known, or not counted."""

    id: str
    label: str
    seconds: int | None
    target_seconds: int | None
    is_met: bool | None
    people: int | None


class PostmortemOverview(ApiOutput):
    """A document for its readers, and what it still needs."""

    ref: str
    version: int
    published_version: int | None
    body: Annotated[str, Field(description="Markdown with the content of the live blocks")]
    steps: list[GuidedStepShown]
    checks: list[DocumentCheckShown]
    whys: list[WhyShown]
    factors: list[str]
    measures: list[MeasureShown]


@router.get(
    "/{ref}/overview",
    summary="Get a document with its blocks filled, and what it needs",
    responses=problems(404),
)
async def get_postmortem_overview(caller: Previewer, request: Request, ref: Text) -> PostmortemOverview:
    incident_id, now = parse_ref("INC", ref), transaction.now(request)
    async with request.app.state.ctx.db.tx() as tx:
        postmortem = await lookup.of_incident(tx, incident_id)
        records = await queries.desk_records(
            tx,
            incident_id,
            await actions.placeholders(tx, postmortem),
            now,
            has_met=is_settled(await meeting_store.of_document(tx, postmortem.id)),
        )
        document = await queries.expanded(tx, postmortem, postmortem.body, now)
    desk = await queries.desk(records)
    return PostmortemOverview(
        ref=postmortem.ref,
        version=postmortem.version,
        published_version=postmortem.published_version,
        body=document.body,
        steps=[
            GuidedStepShown(
                id=step.id,
                label=step.label,
                due_at=step.due_at,
                is_done=step.is_done,
                missing=[text for text, _ in step.missing],
            )
            for step in desk.steps
        ],
        checks=[DocumentCheckShown.model_validate(check) for check in desk.document.checks],
        whys=[_why(node, depth) for effect in desk.document.tree.effects for node, depth in _walk(effect, 0)],
        factors=desk.document.tree.factors,
        measures=[
            MeasureShown(
                id=measure.id,
                label=measure.label,
                seconds=None if measure.taken is None else int(measure.taken.total_seconds()),
                target_seconds=None if measure.target is None else int(measure.target.total_seconds()),
                is_met=measure.is_met,
                people=measure.people,
            )
            for measure in desk.sources.measures[incident_id]
        ],
    )


@router.get(
    "/{ref}/sections", summary="List the sections of a document, now or in a version", responses=problems(404)
)
async def list_sections(
    w: Reader, ref: Text, version: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None
) -> SectionsShown:
    incident_id = parse_ref("INC", ref)
    postmortem = await lookup.of_incident(w.tx, incident_id)
    body = postmortem.body if version is None else (await actions.version(w.tx, incident_id, version)).body
    parts = [SectionShown.model_validate(part) for part in sections.split(body)]
    return SectionsShown(version=version or postmortem.version, sections=parts)


@router.patch(
    "/{ref}/sections/{slug}",
    summary="Save a section; 409 with the texts if someone else changed the same lines",
    responses=problems(404, 409),
)
async def save_section(w: Writer, ref: Text, slug: Slug, new: NewSectionText) -> SavedSectionShown:
    with counted(w.ctx.counters):
        saved = await actions.save_section(
            w.tx, w.actor, parse_ref("INC", ref), slug, new.text, new.base_version, new.base_hash, w.now
        )
    return SavedSectionShown.model_validate(saved)


@router.post("/{ref}/lint", summary="Check the wording of a text", responses=problems(404))
async def check_wording(caller: Previewer, request: Request, ref: Text, new: SectionToLint) -> WordingShown:
    async with request.app.state.ctx.db.tx() as tx:
        await lookup.of_incident(tx, parse_ref("INC", ref))
        names = await queries.names(tx)
    result = await isolated.lint(new.text, names, new.section, None)
    return WordingShown(
        sequence=new.sequence,
        examined=result.examined,
        language=result.language,
        findings=[
            WordingFinding(
                id=each.id,
                code=each.code,
                level=each.level,
                message=each.message,
                question=each.advice,
                quote=each.quote,
                replacement=each.replacement,
                start=each.start,
                end=each.end,
                line=each.line,
            )
            for each in result.open
        ],
    )


@router.post("/{ref}/preview", summary="Render a text of a document", responses=problems(404))
async def preview_text(caller: Previewer, request: Request, ref: Text, new: TextToPreview) -> RenderedText:
    now = transaction.now(request)
    async with request.app.state.ctx.db.tx() as tx:
        postmortem = await lookup.of_incident(tx, parse_ref("INC", ref))
        document = await queries.expanded(tx, postmortem, new.text, now)
    return RenderedText(html=await markdown_html(document.body, document.links))


@router.get(
    "/{ref}/versions", summary="List the versions of a document, latest first", responses=problems(404)
)
async def list_versions(w: Reader, ref: Text, pagination: PageParams) -> list[DocumentVersionShown]:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    versions = await version_store.versions(w.tx, postmortem.id, pagination.before, pagination.limit)
    pagination.link([version.n for version in versions])
    return [_version(version) for version in versions]


@router.get("/{ref}/versions/{n}", summary="Get a version with its Markdown", responses=problems(404))
async def get_version(w: Reader, ref: Text, n: PathId) -> VersionDetail:
    version = await actions.version(w.tx, parse_ref("INC", ref), n)
    return VersionDetail(**_version(version).model_dump(), body=version.body)


@router.get(
    "/{ref}/versions/{n}/diff",
    summary="Get what changed between two versions, or since a version",
    responses=problems(404),
)
async def diff_versions(
    w: Reader,
    ref: Text,
    n: PathId,
    to: Annotated[int | None, Query(ge=1, le=MAX_ID, description="a version")] = None,
) -> DiffShown:
    incident_id = parse_ref("INC", ref)
    base = await actions.version(w.tx, incident_id, n)
    postmortem = await lookup.of_incident(w.tx, incident_id)
    body = postmortem.body if to is None else (await actions.version(w.tx, incident_id, to)).body
    return DiffShown(
        base=n,
        to=to or postmortem.version,
        lines=[
            DiffLineShown.model_validate({"kind": line.kind, "text": line.text, "parts": line.parts})
            for line in difference(base.body, body)
        ],
    )


@router.post(
    "/{ref}/versions/{n}/restore",
    summary="Restore the text of a version as the current one",
    responses=problems(404),
)
async def restore_version(w: Writer, ref: Text, n: PathId) -> RestoredDocument:
    return RestoredDocument(version=await actions.restore(w.tx, w.actor, parse_ref("INC", ref), n, w.now))


@router.get("/{ref}/evidence", summary="List what a document can cite", responses=problems(404))
async def list_evidence(
    w: Reader, ref: Text, q: Annotated[Text, Query(max_length=200, description="words")] = ""
) -> list[EvidenceOption]:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    rows = await queries.evidence_to_pick(w.tx, postmortem, q, w.now)
    return [EvidenceOption(ref=str(each), at=at, who=who, text=text) for each, at, who, text in rows]


def _version(version: ListedVersion) -> DocumentVersionShown:
    return DocumentVersionShown(
        n=version.n,
        reason=version.reason,
        section=version.section,
        base_n=version.base_n,
        by=version.actor,
        at=version.at,
    )


def _walk(node: whys.WhyNode, depth: int) -> list[tuple[whys.WhyNode, int]]:
    return [(node, depth), *(each for child in node.children for each in _walk(child, depth + 1))]


def _why(node: whys.WhyNode, depth: int) -> WhyShown:
    return WhyShown.model_validate(
        {
            "kind": node.kind,
            "text": node.text,
            "line": node.line,
            "depth": depth,
            "evidence": [str(ref) for ref in node.evidence],
            "factor": node.factor,
            "factor_label": label(node.factor) if node.factor in FACTORS else node.factor,
            "actions": [f"ACT-{number}" for number in node.actions],
        }
    )
