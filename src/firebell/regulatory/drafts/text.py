"""The text of a notification as Markdown, as plain text and as a file, and its sections; pure."""

from collections.abc import Mapping, Sequence

from firebell.regulatory.drafts.facts import utc
from firebell.regulatory.drafts.model import Draft, DraftState, DraftTemplate, FilledField

NOT_KNOWN = "Not known yet."
ADVICE = "This is not legal advice. Confirm with counsel before you send it."
_HEADING = "## "


def to_markdown(template: DraftTemplate, header: Mapping[str, str], fields: Sequence[FilledField]) -> str:
    """Return the text of a notification as Markdown: its fields in order, and last what is not known yet."""
    lines = [f"# {template.title}", "", *(f"- {name}: {value}" for name, value in header.items() if value)]
    for one in fields:
        if one.text or not one.field.is_optional:
            lines += ["", f"{_HEADING}{one.field.heading}", "", _body(one.text) or NOT_KNOWN]
    if missing := [one.field.label for one in fields if one.is_missing]:
        lines += ["", f"{_HEADING}Not known yet", "", *(f"- {label}" for label in missing)]
    return "\n".join(lines) + "\n"


def _body(text: str) -> str:
    """Return a text whose lines are no headings."""
    return "\n".join(f"\\{line}" if line.startswith("#") else line for line in text.strip().split("\n"))


def to_plain(markdown: str) -> str:
    """Return a notification as plain text, for forms and letters."""
    lines = []
    for line in markdown.split("\n"):
        if line.startswith("# "):
            lines += [line[2:].upper()]
        elif line.startswith(_HEADING):
            lines += [line[len(_HEADING) :], "-" * len(line[len(_HEADING) :])]
        else:
            lines.append(line.removeprefix("\\"))
    return "\n".join(lines)


def exported(draft: Draft, template: DraftTemplate) -> str:
    """Return a draft as Markdown with its state, its template, and that it is not legal advice."""
    steps = [
        ("Reviewed", draft.reviewed_at, draft.reviewer, ""),
        ("Signed", draft.signed_at, draft.signer, ""),
        ("Sent", draft.sent_at, draft.sender, ", ".join(filter(None, (draft.channel, draft.receipt)))),
    ]
    lines = [
        f"{name} by {who} at {utc(at)}{f' ({more})' if more else ''}." for name, at, who, more in steps if at
    ]
    if draft.state is DraftState.DRAFT:
        lines = ["Draft: no one has reviewed it."]
    verified = "" if template.checked else " Its fields are not verified against a source."
    lines.append(f"Template {template.id} of {draft.template_version}, {template.source}.{verified}")
    return f"{draft.text}\n---\n\n{ADVICE}\n\n" + "\n\n".join(lines) + "\n"


def sections(markdown: str) -> dict[str, str]:
    """Return the sections of a notification by heading, in order; what stands before the first one is left out."""
    parts = f"\n{markdown}".split(f"\n{_HEADING}")[1:]
    return {heading.strip(): body.strip() for heading, _, body in (part.partition("\n") for part in parts)}
