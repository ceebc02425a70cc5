"""The API of runbooks."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field

from firebell.kit import undo
from firebell.kit.text import MAX_ID
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    Removed,
    StrictBool,
    StrictInt,
    Text,
    problems,
    removed,
)
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work
from firebell.runbooks import actions, queries
from firebell.runbooks.isolated_parser import read
from firebell.runbooks.model import MAX_AGE_DAYS, RunbookFinding
from firebell.runbooks.runs.steps_from_text import sha256_of
from firebell.runbooks.text_checks import check

router = api.router("runbooks", "/runbooks")

Reader = Annotated[Work, work(Verb.RUNBOOK_READ)]
Responder = Annotated[Work, work(Verb.RUNBOOK_WRITE)]
Body = Annotated[
    Text, Field(min_length=1, max_length=actions.BODY_MAX_CHARS, examples=["# Database failover\n..."])
]


class RunbookShown(ApiOutput):
    """A runbook of the library.

    `version` is 0 if the text is the one that comes with Firebell. `last_updated` is the date in the text,
    `updated_at` when it was saved here. `services` are those that link to this runbook. `source_id` is the runbook
    source that keeps the text, and `triggers` and `listed_services` are those of its front matter.
    """

    slug: str
    title: str
    owner: str
    team: str | None
    last_updated: date | None
    source: str
    shipped: bool
    version: int
    updated_at: datetime | None
    updated_by: str
    errors: int
    warnings: int
    services: list[str]
    source_id: int | None
    commit: str
    archived_at: datetime | None
    triggers: list[str]
    listed_services: list[str]
    url: Annotated[str, Field(description="what a service or an alert links to, as `runbook_url`")]

    @classmethod
    def of_details(cls, details: queries.RunbookDetails, public_url: str, **more: object) -> Self:
        """Return a runbook of the library as the API shows it."""
        names = (
            *("slug", "source", "shipped", "version", "updated_at", "updated_by"),
            *("source_id", "commit", "archived_at"),
        )
        return cls.model_validate(
            {
                **{name: getattr(details.stored, name) for name in names},
                "title": details.title,
                "url": queries.address(public_url, details.stored.slug),
                "owner": details.runbook.owner,
                "team": details.team,
                "last_updated": details.runbook.updated,
                "errors": details.errors,
                "warnings": details.warnings,
                "services": [s.slug for s in details.services],
                "triggers": details.runbook.front.triggers,
                "listed_services": details.runbook.front.services,
                **more,
            }
        )


class RunbookFindingShown(ApiOutput):
    """A problem with its line and how to fix it."""

    id: str
    level: Literal["error", "warning"]
    line: int
    message: str
    fix: Annotated[str, Field(validation_alias="advice")]


class RunbookDetail(RunbookShown):
    """A runbook with its Markdown and its findings."""

    body: str
    sha256: Annotated[str, Field(description="of the UTF-8 of `body`, to which a run is pinned")]
    findings: list[RunbookFindingShown]


class NewRunbookText(ApiInput):
    """The whole text. `source` is where it is kept, `version` the one that it is based on (0 for default or none).

    Without `version` the text replaces any other. With `dry_run` nothing is saved.
    """

    body: Body
    source: Annotated[Text, Field(max_length=500)] = ""
    version: Annotated[StrictInt | None, Field(ge=0, le=MAX_ID)] = None
    dry_run: StrictBool = False


class Saved(ApiOutput):
    """What saving did, or would do with `dry_run`, and the findings of the check."""

    slug: str
    change: Literal["created", "changed", "unchanged"]
    findings: list[RunbookFindingShown]


class TextToCheck(ApiInput):
    """A text to check; it is not saved. The age limit is in days."""

    body: Body
    max_age_days: Annotated[StrictInt, Field(ge=1, le=3650)] = MAX_AGE_DAYS


class Checked(ApiOutput):
    """Title, owner and date of a text, and its findings; links and teams are not checked."""

    title: str
    owner: str
    last_updated: date | None
    findings: list[RunbookFindingShown]


def _shown(findings: list[RunbookFinding]) -> list[RunbookFindingShown]:
    return [RunbookFindingShown.model_validate(f) for f in findings]


async def _detail(w: Work, slug: str) -> RunbookDetail:
    stored = await actions.runbook(w.tx, slug)
    (runbook_details,) = await queries.details(w.tx, [stored], w.ctx.public_url, w.now)
    return RunbookDetail.of_details(
        runbook_details,
        w.ctx.public_url,
        body=stored.body,
        sha256=sha256_of(stored.body),
        findings=_shown(list(runbook_details.findings)),
    )


@router.get("", summary="List all runbooks, by title")
async def list_runbooks(w: Reader) -> list[RunbookShown]:
    library = await queries.details(w.tx, await actions.library(w.tx), w.ctx.public_url, w.now)
    return [RunbookShown.of_details(details, w.ctx.public_url) for details in library]


@router.post("/check", summary="Check a runbook without saving it")
async def check_runbook(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.RUNBOOK_READ)], text: TextToCheck
) -> Checked:
    # parsing in another process can take seconds, so no transaction is open
    runbook = await read(text.body)
    findings = check(runbook, ctx.clock.now().date(), max_age_days=text.max_age_days)
    return Checked(
        title=runbook.title,
        owner=runbook.owner,
        last_updated=runbook.updated,
        findings=_shown(findings),
    )


@router.get("/{slug}", summary="Get a runbook with its Markdown", responses=problems(404))
async def get_runbook(w: Reader, slug: Text) -> RunbookDetail:
    return await _detail(w, slug)


@router.put(
    "/{slug}",
    summary="Create or update a runbook; 409 if it changed since `version`",
    responses=problems(409),
)
async def save_runbook(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.RUNBOOK_WRITE)], slug: Text, new_text: NewRunbookText
) -> Saved:
    runbook = await actions.parse_new_text(new_text.body)
    async with ctx.db.tx() as tx:
        now = ctx.clock.now()
        change = await actions.save(
            tx,
            caller.actor,
            slug,
            new_text.body,
            now,
            source=new_text.source,
            version=new_text.version,
            dry_run=new_text.dry_run,
        )
        if new_text.dry_run:
            findings = check(runbook, now.date(), teams=await actions.owning_teams(tx))
        else:
            saved = [await actions.runbook(tx, slug)]
            exercised = await actions.last_exercised(tx, saved)
            findings = (await actions.findings(tx, saved, {slug: runbook}, exercised, now))[slug]
    return Saved(slug=slug, change=change.value, findings=_shown(findings))


@router.delete(
    "/{slug}",
    summary="Delete a runbook, or hide one that comes with Firebell",
    responses=problems(404),
)
async def delete_runbook(w: Responder, slug: Text) -> Removed:
    await actions.remove(w.tx, w.actor, slug, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "runbook.removed", w.now))


@router.post("/{slug}/restore", summary="Restore the text that comes with Firebell", responses=problems(404))
async def restore_runbook(w: Responder, slug: Text) -> RunbookDetail:
    await actions.restore(w.tx, w.actor, slug, w.now)
    return await _detail(w, slug)
