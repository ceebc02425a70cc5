"""The API of the names and descriptions of groups and components in other languages of their status page."""

from typing import Annotated

from pydantic import Field

from firebell.kit.text import to_number
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.status_pages import actions, announcements
from firebell.status_pages.hosting import queries as hosting_queries
from firebell.status_pages.hosting.footer_links import MAX_LINKS
from firebell.status_pages.model import StatusPage
from firebell.status_pages.part_translations import actions as part_translation_actions
from firebell.status_pages.part_translations.rules import Part, coverage
from firebell.status_pages.text_limits import ABOUT_MAX_CHARS, DESCRIPTION_MAX_CHARS

router = api.router("status pages")

Reader = Annotated[Work, work(Verb.STATUS_PAGE_READ)]
Manager = Annotated[Work, work(Verb.STATUS_PAGE_WRITE)]


class PartTexts(ApiInput):
    """The name and description of a group or component; an empty text removes it, what is left out stays."""

    name: Text | None = None
    description: Annotated[Text, Field(max_length=DESCRIPTION_MAX_CHARS)] | None = None


class TranslatedPart(ApiOutput):
    """A group or component with its texts in the language of the page and in another one."""

    id: int
    name: str
    description: str
    translated_name: str
    translated_description: str


class TranslatedLink(ApiOutput):
    """The label of a footer link in the language of the page and in another one."""

    label: str
    translated_label: str


class PageTranslation(ApiOutput):
    """The texts of a page in one of its other languages."""

    language: Annotated[str, Field(examples=["de"])]
    missing: Annotated[
        int, Field(description="the number of texts that are shown in the page's own language")
    ]
    about: str
    translated_about: str
    footer_links: list[TranslatedLink]
    groups: list[TranslatedPart]
    components: list[TranslatedPart]


class ChangedPageTranslation(ApiInput):
    """Texts by the id of their group or component; those that are left out stay as they are."""

    about: Annotated[Text, Field(max_length=ABOUT_MAX_CHARS)] | None = None
    footer_links: Annotated[
        dict[str, Text],
        Field(
            default_factory=dict,
            max_length=MAX_LINKS,
            description="labels by the label in the language of the page; empty for none",
            examples=[{"Imprint": "Impressum"}],
        ),
    ]
    groups: Annotated[dict[str, PartTexts], Field(default_factory=dict, max_length=actions.MAX_GROUPS)]
    components: Annotated[
        dict[str, PartTexts],
        Field(
            default_factory=dict,
            max_length=actions.MAX_COMPONENTS,
            examples=[{"3": {"name": "Kartenzahlung", "description": "Zahlen mit Karte im Shop"}}],
        ),
    ]


def _part(part: Part, language: str) -> TranslatedPart:
    texts = part.translation(language)
    return TranslatedPart(
        id=part.id,
        name=part.name,
        description=part.description,
        translated_name=texts.name,
        translated_description=texts.description,
    )


async def _translation(w: Work, page: StatusPage, language: str) -> PageTranslation:
    groups, components = await announcements.parts(w.tx, page)
    labels, own = await hosting_queries.link_labels(w.tx, page), page.texts_in(language)
    return PageTranslation(
        language=language,
        missing=coverage([*groups, *components], language, page, labels).missing,
        about=page.about,
        translated_about=own.about,
        footer_links=[
            TranslatedLink(label=label, translated_label=own.links.get(label, "")) for label in labels
        ],
        groups=[_part(each, language) for each in groups],
        components=[_part(each, language) for each in components],
    )


@router.get(
    "/status-pages/{slug}/translations",
    summary="Show the texts of a status page in its other languages",
    responses=problems(404),
)
async def list_page_translations(w: Reader, slug: Text) -> list[PageTranslation]:
    page = await actions.status_page(w.tx, slug)
    others = await hosting_queries.other_languages(w.tx, page)
    return [await _translation(w, page, code) for code, _ in others]


@router.put(
    "/status-pages/{slug}/translations/{language}",
    summary="Translate the texts of a status page",
    responses=problems(404),
)
async def translate_page(
    w: Manager, slug: Text, language: Text, body: ChangedPageTranslation
) -> PageTranslation:
    page = await actions.status_page(w.tx, slug)
    await part_translation_actions.translate_parts(
        *(w.tx, w.actor, page.id, language),
        _by_id(body.groups, "groups"),
        _by_id(body.components, "components"),
        w.now,
    )
    await part_translation_actions.translate_page(
        *(w.tx, w.actor, page.id, language, w.now), about=body.about, links=body.footer_links
    )
    return await _translation(w, await actions.status_page(w.tx, slug), language)


def _by_id(texts: dict[str, PartTexts], field: str) -> dict[int, dict[str, str]]:
    return {to_number(key, field, least=1): each.model_dump(exclude_none=True) for key, each in texts.items()}
