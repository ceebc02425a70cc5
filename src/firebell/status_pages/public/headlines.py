"""The headline of a status page and the sentence below it, in each of its languages (pure)."""

from firebell.status_pages.model import ComponentStatus
from firebell.status_pages.public.languages import Language
from firebell.status_pages.view import StatusView


def headline(view: StatusView, language: Language, locale: str = "") -> str:
    """Return the latest open incident, else that everything works, the maintenance under way, or what is affected.

    `locale` is the language of the names of components, empty for the page's own.
    """
    if view.open_incidents:
        return view.open_incidents[0].name
    if view.worst is ComponentStatus.OPERATIONAL:
        return language.text("All systems operational")
    if view.worst is ComponentStatus.UNDER_MAINTENANCE and view.active_maintenances:
        return language.text("Maintenance: {name}", name=view.active_maintenances[0].name)
    return affected_text(view, language, locale)


def affected_text(view: StatusView, language: Language, locale: str = "") -> str:
    """Return which components do not work as usual, and that everything else does."""
    affected = [each for each in view.components if each.status is not ComponentStatus.OPERATIONAL]
    rest = language.text("Everything else is working.")
    if not affected:
        return rest if view.open_incidents else ""
    named = language.listed(
        language.labeled(each.component.name_in(locale), language.inline(each.label)) for each in affected
    )
    if len(affected) < len(view.components):
        return language.text("{components}. {rest}", components=named, rest=rest)
    return language.text("{components}.", components=named)
