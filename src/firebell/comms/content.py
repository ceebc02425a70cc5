"""Checks what someone wrote before it is stored."""

from dataclasses import replace

from firebell.comms.model import PostContent
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_text
from firebell.status_pages.model import ComponentStatus, Stage
from firebell.status_pages.publishing.actions import BODY_MAX_CHARS, NAME_MAX_CHARS

MAX_TARGETS = 100
REASON_MAX_CHARS = 1000
TRANSLATION_PREFIX = "translations."
"""How the names of the fields of translations begin."""


def cleaned(content: PostContent) -> PostContent:
    """Return a post with cleaned texts, without empty translations.

    Raise `Invalid` for an unknown stage or status, or a text that is too long.
    """
    fields = {str(reader): text for reader, text in content.bodies.items()}
    fields |= {translation_field(locale): text for locale, text in content.translations.items()}
    for name, text in fields.items():
        if len(text) > BODY_MAX_CHARS:
            limit = f"Use at most {BODY_MAX_CHARS} characters."
            raise Invalid("The text is too long.", fields={name: limit})
    if content.stage is not None and content.stage not in list(Stage):
        raise Invalid(f"{content.stage[:40]!r} is not a stage.", fields={"stage": "Choose from the list."})
    known = {status.code for status in ComponentStatus}
    if unknown := set(content.statuses.values()) - known:
        raise Invalid(f"{min(unknown)[:40]!r} is not a status.", fields={"statuses": "Choose from the list."})
    return replace(
        content,
        bodies={reader: clean_text(text, BODY_MAX_CHARS) for reader, text in content.bodies.items()},
        targets=tuple(dict.fromkeys(content.targets))[:MAX_TARGETS],
        headline=clean_text(" ".join(content.headline.split()), NAME_MAX_CHARS),
        reason=clean_text(content.reason, REASON_MAX_CHARS),
        translations={
            locale: clean_text(text, BODY_MAX_CHARS)
            for locale, text in content.translations.items()
            if text.strip()
        },
        mail_subject=clean_text(" ".join(content.mail_subject.split()), NAME_MAX_CHARS),
    )


def translation_field(locale: str) -> str:
    """Return the name of the field of a translation."""
    return f"{TRANSLATION_PREFIX}{locale}"
