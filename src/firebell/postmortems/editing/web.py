"""The editor of a document: the desk with its sections, comments and checks, and the history of versions."""

import asyncio
import html as html_text
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from markupsafe import Markup

from firebell.action_items.model import Priority
from firebell.incidents import actions as incidents
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.kit.line_diff import difference
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice, to_number
from firebell.kit.web import flash, html, routing, transaction
from firebell.kit.web.filters import to_day
from firebell.people import authentication, route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, visiting
from firebell.postmortems import actions, lookup
from firebell.postmortems.document.blocks import block_lines
from firebell.postmortems.document.factors import FACTORS, GROUPS, label
from firebell.postmortems.document.sections import DocumentSection
from firebell.postmortems.drafting.facts import MARKER_NAMES
from firebell.postmortems.editing import queries, version_store
from firebell.postmortems.editing.actions_from_text import NewAction
from firebell.postmortems.editing.edit_refusal import EditConflict
from firebell.postmortems.editing.html_rendering import markdown_html
from firebell.postmortems.editing.queries import Desk
from firebell.postmortems.editing.save_counting import counted
from firebell.postmortems.guide import publication_obstacles
from firebell.postmortems.meeting import store as meeting_store
from firebell.postmortems.meeting.model import is_settled

router = routing.html_router()

VERSIONS_LISTED = 50
EVIDENCE_ICONS = {
    "t": "message-square",
    "p": "bell-ring",
    "a": "siren",
    "c": "arrow-right-left",
    "s": "megaphone",
    "r": "list-checks",
}
KIND_ICONS = {"finding": "flag", "mitigation": "check", "decision": "scale", "update": "megaphone"}


@dataclass(frozen=True, slots=True)
class SectionPart:
    """A piece of a section: Markdown as HTML, a live block, or the tree of whys."""

    kind: str
    html: Markup
    name: str = ""


@router.get("/post-mortems/{ref}/edit", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def edit(request: Request, ref: str, section: str = "") -> Response:
    await authentication.signed_in(request)
    return await _desk(request, ref, section)


@router.post("/post-mortems/{ref}/sections/{slug}", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def save_section(request: Request, ref: str, slug: str) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    incident_id, text = parse_ref("INC", ref), str(form.get("text", ""))
    version = to_number(form.get("base_version", ""), "base_version")
    try:
        with counted(request.app.state.ctx.counters):
            async with request.app.state.ctx.db.tx() as tx:
                await actions.save_section(
                    tx,
                    authentication.actor_of(me),
                    incident_id,
                    slug,
                    text,
                    version,
                    str(form.get("base_hash", "")),
                    transaction.now(request),
                )
    except FirebellError as error:
        if not isinstance(error, EditConflict) and not error.fields:
            raise
        return await _desk(request, ref, slug, text, error)
    return flash.redirect(request, f"/post-mortems/INC-{incident_id}/edit#{slug}", "Section saved.")


@router.post("/post-mortems/{ref}/comments", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def add_comment(visit: CurrentVisit, ref: str) -> Response:
    incident_id, form = parse_ref("INC", ref), visit.form
    section = str(form.get("section", ""))
    await actions.add_comment(
        visit.tx,
        visit.actor,
        incident_id,
        section,
        str(form.get("quote", "")),
        str(form.get("text", "")),
        visit.now,
        is_blocking=bool(form.get("blocking")),
    )
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}/edit#comments", "Comment added.")


@router.post(
    "/post-mortems/{ref}/comments/{comment_id}/reply", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE)
)
async def reply(visit: CurrentVisit, ref: str, comment_id: str) -> Response:
    incident_id, number = parse_ref("INC", ref), to_number(comment_id, "comment_id")
    await actions.reply(
        visit.tx, visit.actor, incident_id, number, str(visit.form.get("text", "")), visit.now
    )
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}/edit#comments", "Reply added.")


@router.post(
    "/post-mortems/{ref}/comments/{comment_id}/resolve",
    dependencies=route_access.needs(Verb.POSTMORTEM_WRITE),
)
async def resolve(visit: CurrentVisit, ref: str, comment_id: str) -> Response:
    incident_id, number = parse_ref("INC", ref), to_number(comment_id, "comment_id")
    is_resolved = visit.form.get("open") != "yes"
    await actions.set_resolved(visit.tx, visit.actor, incident_id, number, visit.now, is_resolved=is_resolved)
    text = "Comment resolved." if is_resolved else "Comment opened again."
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}/edit#comments", text)


@router.post("/post-mortems/{ref}/actions", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE))
async def add_action(request: Request, ref: str) -> Response:
    form, me = await route_access.form(request), await authentication.signed_in(request)
    values = {
        name: str(form.get(name, "")) for name in ("title", "quote", "root", "owner", "priority", "due")
    }
    incident_id = parse_ref("INC", ref)
    try:
        new = NewAction(
            values["title"],
            values["quote"],
            values["root"],
            owner_id=to_choice(values["owner"], "owner"),
            priority=Priority(to_number(values["priority"] or Priority.P2, "priority", least=1, most=3)),
            due=to_day(values["due"], "due") if values["due"].strip() else None,
        )
        async with visiting(request, me, form) as visit:
            item = await actions.add_action(visit.tx, visit.actor, incident_id, new, visit.now)
            address = f"/post-mortems/INC-{incident_id}/edit#action-items"
            return flash.redirect(request, address, f"{item.ref} added.")
    except (Conflict, Invalid) as error:
        return await _desk(request, ref, "", error=error, new_action=values)


@router.get("/post-mortems/{ref}/versions", dependencies=route_access.needs(Verb.POSTMORTEM_READ))
async def versions(visit: CurrentVisit, ref: str, before: str = "", base: str = "", to: str = "") -> Response:
    incident_id = parse_ref("INC", ref)
    postmortem = await lookup.of_incident(visit.tx, incident_id)
    after = to_number(before, "before") if before else None
    listed = await version_store.versions(visit.tx, postmortem.id, after, VERSIONS_LISTED + 1)
    shown = listed[:VERSIONS_LISTED]
    lines, old, new = None, to_number(base, "base") if base else 0, to_number(to, "to") if to else 0
    if old:
        earlier = await actions.version(visit.tx, incident_id, old)
        later = (await actions.version(visit.tx, incident_id, new)).body if new else postmortem.body
        lines = difference(earlier.body, later)
    context = {
        "nav": "postmortems",
        "d": postmortem,
        "versions": shown,
        "base": old,
        "to": new,
        "lines": lines,
        "older": html.address(f"/post-mortems/{postmortem.ref}/versions", before=shown[-1].n)
        if len(listed) > VERSIONS_LISTED
        else "",
    }
    return await html.render(visit.request, "postmortems/versions.html", context)


@router.post(
    "/post-mortems/{ref}/versions/{n}/restore", dependencies=route_access.needs(Verb.POSTMORTEM_WRITE)
)
async def restore(visit: CurrentVisit, ref: str, n: str) -> Response:
    incident_id, number = parse_ref("INC", ref), to_number(n, "n")
    await actions.restore(visit.tx, visit.actor, incident_id, number, visit.now)
    text = f"Version {number} restored."
    return flash.redirect(visit.request, f"/post-mortems/INC-{incident_id}/edit", text)


async def _desk(
    request: Request,
    ref: str,
    section: str,
    submitted: str = "",
    error: FirebellError | None = None,
    new_action: Mapping[str, str] | None = None,
) -> Response:
    me = await authentication.signed_in(request)
    now = transaction.now(request)
    async with request.app.state.ctx.db.tx() as tx:
        incident_id = parse_ref("INC", ref)
        postmortem = await lookup.of_incident(tx, incident_id)
        records = await queries.desk_records(
            tx,
            incident_id,
            await actions.placeholders(tx, postmortem),
            now,
            has_met=is_settled(await meeting_store.of_document(tx, postmortem.id)),
        )
        owners = await choosable(tx, [me.id], verb=Verb.ACTION_ITEM_WRITE)
    desk = await queries.desk(records)
    parts = await asyncio.gather(*(section_parts(desk, each) for each in desk.document.sections))
    document = desk.document
    context: dict[str, Any] = {
        "nav": "postmortems",
        "live": f"pm-{postmortem.id},inc-{incident_id}",
        "desk": desk,
        "chart": incidents.drawn_graph(desk.graph, me.tz) if desk.graph else None,
        "i": desk.incident,
        "d": postmortem,
        "parts": {each.slug: listed for each, listed in zip(document.sections, parts, strict=True)},
        "glyphs": {each.slug: publication_obstacles.glyph(document, each.slug) for each in document.sections},
        "writers": {each.section: each for each in desk.present},
        "factors": [(GROUPS[code.partition(".")[0]], code, name) for code, name in FACTORS.items()],
        "factor_label": label,
        "icons": EVIDENCE_ICONS,
        "kind_icons": KIND_ICONS,
        "marker_names": MARKER_NAMES,
        "open_section": section,
        "submitted": submitted,
        "error": error,
        "conflict": error.conflict if isinstance(error, EditConflict) else None,
        "findings": document.findings(),
        "new_action": new_action,
        "owners": owners,
        "root_options": [("", "None"), *((node.text, node.text) for node in document.roots_without_action)],
        "section_options": [(each.slug, each.title) for each in document.sections if each.title],
    }
    return await html.render(request, "postmortems/edit.html", context)


async def section_parts(desk: Desk, section: DocumentSection) -> list[SectionPart]:
    """Return a section in pieces, with words that blame marked."""
    lines = section.text.split("\n")
    cuts: list[tuple[int, int, str]] = [
        (block.line, block.line + 1, block.name) for block in block_lines(section.text)
    ]
    tree = desk.document.tree
    if section is desk.document.cause and tree.end > tree.start:
        cuts.append((tree.start, tree.end, "whys"))
    parts: list[SectionPart] = []
    at = 0
    for start, end, name in sorted(cuts):
        parts.append(SectionPart("md", await _marked(desk, section, "\n".join(lines[at:start]))))
        if name == "whys":
            parts.append(SectionPart("whys", Markup("")))
        elif name in desk.blocks:
            text = "" if name == "timeline" else desk.blocks[name]
            parts.append(SectionPart("block", await markdown_html(text, desk.links), name))
        else:
            parts.append(SectionPart("md", Markup("<p>{}</p>").format(lines[start])))
        at = end
    parts.append(SectionPart("md", await _marked(desk, section, "\n".join(lines[at:]))))
    return [part for part in parts if part.html or part.kind != "md"]


async def _marked(desk: Desk, section: DocumentSection, text: str) -> Markup:
    marked = str(await markdown_html(text, desk.links))
    for finding in desk.document.wording[section.slug].open:
        quote = html_text.escape(finding.quote, quote=False)
        marked = marked.replace(quote, f'<span class="lint">{quote}</span>', 1)
    return Markup(marked)  # noqa: S704 - sanitized HTML, with escaped quotes
