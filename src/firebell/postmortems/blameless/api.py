"""The API of the blameless lint."""

from typing import Annotated

from pydantic import Field

from firebell.kit.findings import FindingLevel
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Ctx, Text
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.postmortems.blameless import isolated, queries

router = api.router("post-mortems", "/post-mortems")

TEXT_MAX_CHARS = 200_000


class TextToLint(ApiInput):
    """A Markdown text, or one section of it; nothing is saved."""

    text: Annotated[
        Text,
        Field(
            max_length=TEXT_MAX_CHARS, examples=["The on-call engineer should have checked the dashboard."]
        ),
    ]
    section: Annotated[
        Text,
        Field(
            max_length=200,
            description="the title of the section that the text begins in; in a timeline few rules apply",
            examples=["Root cause"],
        ),
    ] = ""
    language: Annotated[
        Text | None,
        Field(max_length=35, description="ISO 639 code; guessed if left out", examples=["en"]),
    ] = None


class BlameFindingShown(ApiOutput):
    """A sentence that blames. `start` and `end` count characters of the text, `line` counts from 1.

    `replacement`, if not empty, can take the place of these characters; `waiver` is the reason why the author keeps
    the sentence.
    """

    id: Annotated[str, Field(examples=["B1:5f1b2c3d4e5f"])]
    code: Annotated[str, Field(examples=["B1"])]
    level: FindingLevel
    start: int
    end: int
    line: int
    section: str
    quote: Annotated[str, Field(examples=["The on-call engineer should have"])]
    message: str
    question: Annotated[str, Field(validation_alias="advice")]
    replacement: str
    waiver: str


class Linted(ApiOutput):
    """The findings of a text. `examined` is false if it is not in English: the rules are English."""

    examined: bool
    language: Annotated[str, Field(examples=["en"])]
    blocking: Annotated[int, Field(description="errors without a waiver, which block publishing")]
    findings: list[BlameFindingShown]


@router.post("/lint", summary="Find words of blame in a text without saving it")
async def lint_text(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.POSTMORTEM_READ)], body: TextToLint
) -> Linted:
    # examining a long text in another process takes a while, so no transaction is open
    async with ctx.db.tx() as tx:
        names = await queries.names(tx)
    result = await isolated.lint(body.text, names, body.section, body.language)
    return Linted(
        examined=result.examined,
        language=result.language,
        blocking=len(result.blocking),
        findings=[BlameFindingShown.model_validate(finding) for finding in result.findings],
    )
