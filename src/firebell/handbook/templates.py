"""Templates in Markdown (pure): parse, fill, validate, and plan changes from a repository.

A template is a heading of level two or three, a paragraph that begins with its id in backticks and ` · `, and
one fenced block of `markdown` or `text` whose content is the template. Slots are `{{name}}`.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from markdown_it.token import Token

from firebell.handbook.model import ChangeStep, OwnTemplate, Shipped, TemplateChange, TemplateSource
from firebell.kit.errors import Invalid
from firebell.kit.markdown import markdown

BODY_MAX_CHARS = 20_000
INCIDENT = frozenset(
    [
        "ref",
        "title",
        "severity",
        "severity_meaning",
        "phase",
        "summary",
        "impact",
        "services",
        "commander",
        "comms",
        "declared_at",
        "detected_at",
        "resolved_at",
        "closed_at",
        "impact_start",
        "impact_end",
        "duration",
        "next_update",
        "now",
        "workaround",
        "cause",
        "mitigation",
        "link",
        "status_link",
        "organization",
        "audience",
        "tz",
        "date",
        "topic",
        "runbooks",
        "postmortem_due",
        "customers",
    ]
)
"""The slots of messages about an incident."""
POSTMORTEM = frozenset(
    [
        "ref",
        "title",
        "severity",
        "date",
        "services",
        "summary",
        "impact",
        "detected_to_declared",
        "detected_to_end",
        "declared_to_closed",
        "timeline",
        "findings",
        "mitigations",
        "went_wrong",
    ]
)
HANDOFF = frozenset(
    [
        "schedule",
        "day",
        "leaving",
        "entering",
        "at",
        "tz",
        "open_pages",
        "open_incidents",
        "summary",
        "pages",
        "incidents",
        "nights",
        "ahead",
        "postmortems",
    ]
)
DOCUMENTS = {"postmortem": POSTMORTEM, "handoff": HANDOFF}
"""Templates of documents, with their slots; all others are messages."""
SEVERITIES = ("sev0", "sev1", "sev2", "sev3")
"""Templates of two lines for the declaration: what the severity means, and what happens next."""

RENAMED_SLOTS = {"organisation": "organization"}
"""Former names of slots, filled like the present ones for one version."""

_SLOT = re.compile(r"\{\{(\w+)\}\}")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_INFO = ("markdown", "text")


def fill(body: str, slots: Mapping[str, str]) -> str:
    """Return the text with its slots filled; unknown slots stay visible."""
    return _SLOT.sub(lambda match: slots.get(RENAMED_SLOTS.get(match[1], match[1]), match[0]), body)


def slots(body: str) -> list[str]:
    """Return the names of the slots of a text, in order and without duplicates."""
    return list(dict.fromkeys(_SLOT.findall(body)))


def parts(body: str) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with True if it is an empty slot."""
    edges = [0, *(edge for match in _SLOT.finditer(body) for edge in match.span()), len(body)]
    return [(body[a:b], number % 2 == 1) for number, (a, b) in enumerate(pairwise(edges)) if a < b]


def allowed(shipped: Shipped) -> frozenset[str]:
    """Return the slots that a template may use: those that Firebell fills, and those of the default text."""
    filled = frozenset[str]() if shipped.id in SEVERITIES else DOCUMENTS.get(shipped.id, INCIDENT)
    former = frozenset(old for old, new in RENAMED_SLOTS.items() if new in filled)
    return filled | former | frozenset(slots(shipped.body))


def _opening(token: Token) -> tuple[str, str] | None:
    """Return the id and the note of a paragraph that introduces a template, None for other paragraphs."""
    first, *rest = token.children or [token]
    text = "".join(child.content if child.type != "softbreak" else " " for child in rest)
    if first.type != "code_inline" or not text.startswith(" · "):
        return None
    return first.content, text.removeprefix(" · ").strip()


def read(text: str) -> tuple[list[Shipped], dict[int, str]]:
    """Return the templates in a Markdown text, and its errors by line number."""
    tokens = [t for t in markdown.parse(text) if t.level == 0 or t.type == "inline"]
    templates: dict[str, Shipped] = {}
    faults: dict[int, str] = {}
    titles = {1: "", 2: "", 3: ""}
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h1", "h2", "h3"):
            level = int(token.tag[1])
            titles |= {n: "" for n in titles if n >= level} | {level: tokens[index + 1].content}
        if token.type != "paragraph_open" or tokens[index - 1].type != "heading_close":
            continue
        opening = _opening(tokens[index + 1])
        if opening is None or tokens[index - 1].tag not in ("h2", "h3"):
            continue
        name, note = opening
        fence = tokens[index + 3] if index + 3 < len(tokens) else None
        line = (token.map or [0])[0] + 1
        if not _ID.fullmatch(name):
            faults[line] = f"{name!r} is not an id. Use lowercase words joined by hyphens."
        elif name in templates:
            faults[line] = f"{name} is already defined on line {templates[name].line}."
        elif fence is None or fence.type != "fence" or fence.info.strip() not in _INFO:
            faults[line] = f"{name} has no text. Add a fenced block of `markdown` or `text` below it."
        else:
            # a template directly below the title of a file has that title
            title, group = (
                (titles[3], titles[2]) if tokens[index - 1].tag == "h3" else (titles[1], "Documents")
            )
            templates[name] = Shipped(name, title, note, group, fence.content, line)
    return list(templates.values()), faults


def fault(shipped: Shipped, body: str) -> str | None:
    """Return why a text can't be used for a template, None if it can."""
    if not body.strip():
        return f"{shipped.id} is empty. Enter a text, or leave it out to use the default text."
    if len(body) > BODY_MAX_CHARS:
        return f"{shipped.id} has {len(body):,} characters. Use at most {BODY_MAX_CHARS:,}."
    count = len(nonblank_lines(body))
    if shipped.id in SEVERITIES and count != 2:
        return f"{shipped.id} needs two lines and has {count}: what it means, and what happens next."
    unknown = [name for name in slots(body) if name not in allowed(shipped)]
    if unknown:
        available = ", ".join(sorted(allowed(shipped))) or "none"
        return f"{shipped.id} has no placeholder {{{{{unknown[0]}}}}}. Available: {available}."
    return None


def nonblank_lines(body: str) -> list[str]:
    """Return the lines of a text that are not blank, stripped."""
    return [line.strip() for line in body.splitlines() if line.strip()]


Read = Callable[[str], tuple[list[Shipped], dict[int, str]]]


def gathered(
    files: Mapping[str, str], shipped: Mapping[str, Shipped], read_file: Read = read
) -> dict[str, str]:
    """Return the text of each template in Markdown files, by id.

    Raise `Invalid` whose fields are `file:line`, or if none of the files has a template.
    """
    bodies: dict[str, str] = {}
    faults: dict[str, str] = {}
    for name in sorted(files):
        templates, file_faults = read_file(files[name])
        faults |= {f"{name}:{line}": text for line, text in file_faults.items()}
        for template in templates:
            where = f"{name}:{template.line}"
            if template.id not in shipped:
                faults[where] = f"There is no template {template.id}. Use one of: {', '.join(shipped)}."
            elif template.id in bodies:
                faults[where] = f"{template.id} is already in another file."
            elif problem := fault(shipped[template.id], template.body):
                faults[where] = problem
            else:
                bodies[template.id] = template.body
    if faults:
        raise Invalid("The templates have errors, so nothing was changed.", fields=faults)
    if not bodies:
        names = ", ".join(sorted(files)) or "no file"
        raise Invalid(f"No template found in {names}.", command="firebell template show")
    return bodies


def plan(
    bodies: Mapping[str, str],
    shipped: Mapping[str, Shipped],
    own: Sequence[OwnTemplate],
    *,
    prune: bool,
) -> list[TemplateChange]:
    """Return the change that applying a repository makes to each template that it has or had.

    Texts edited in the app are kept if the repository does not have them, unless `prune`. A text that equals
    the default is not stored, so that it follows the next version of Firebell.
    """
    own_by_id = {o.id: o for o in own}
    changes = []
    for name, body in bodies.items():
        old = own_by_id.get(name)
        if same(body, shipped[name].body):
            changes.append(TemplateChange(name, ChangeStep.REMOVED if old else ChangeStep.UNCHANGED, None))
        elif old is None:
            changes.append(TemplateChange(name, ChangeStep.CREATED, body))
        else:
            step = (
                ChangeStep.UNCHANGED
                if same(body, old.body) and old.source is TemplateSource.GIT
                else ChangeStep.CHANGED
            )
            changes.append(TemplateChange(name, step, body))
    removed = [o.id for o in own if o.id not in bodies and (prune or o.source is TemplateSource.GIT)]
    return [*changes, *(TemplateChange(name, ChangeStep.REMOVED, None) for name in removed)]


def same(one: str, other: str) -> bool:
    """Return True if two texts are equal apart from surrounding white space."""
    return one.strip() == other.strip()
