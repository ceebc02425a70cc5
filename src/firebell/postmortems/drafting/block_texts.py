"""The Markdown of each live block (pure)."""

from collections.abc import Sequence

from firebell.kit import markdown
from firebell.kit.markdown import cell, line
from firebell.postmortems.document import sections, whys
from firebell.postmortems.document.blocks import chosen_entries
from firebell.postmortems.document.factors import GROUPS, label
from firebell.postmortems.document.whys import WhyTree
from firebell.postmortems.drafting.draft import format_minutes
from firebell.postmortems.drafting.facts import DraftSources, TrackedAction, facts
from firebell.postmortems.drafting.timeline_rows import select, table


def block_texts(body: str, sources: DraftSources) -> dict[str, str]:
    """Return the text of every block of a document, by name."""
    tree = whys.tree_of(sections.split(body))
    return {
        "timeline": table(select(facts(sources), chosen_entries(body)), several=len(sources.incidents) > 1),
        "measures": _measures(sources),
        "actions": _actions(tree, sources.actions),
        "factors": _factors(tree),
    }


def factors(body: str) -> list[str]:
    """Return the codes of the factors that a document names, in order, each once."""
    return whys.tree_of(sections.split(body)).factors


def _measures(sources: DraftSources) -> str:
    several = len(sources.incidents) > 1
    head = ["Measure", *(["Incident"] if several else []), "Time", "Target"]
    rows = []
    for incident in sources.incidents:
        for measure in sources.measures.get(incident.id, ()):
            taken = "not known" if measure.taken is None else format_minutes(measure.taken)
            if measure.taken is not None and measure.people:
                taken += f", {measure.people} {'person' if measure.people == 1 else 'people'}"
            target = "-" if measure.target is None else f"within {format_minutes(measure.target)}"
            missed = ", missed" if measure.is_met is False else ""
            named = [incident.ref] if several else []
            rows.append([measure.label, *named, taken, f"{target}{missed}"])
    return markdown.table(head, rows)


def _actions(tree: WhyTree, items: Sequence[TrackedAction]) -> str:
    """Return the action items of the incidents with the roots that they answer, then the roots without any."""
    roots = [node for node in tree.nodes() if node.kind == "root"]
    rows = {
        item.id: [
            f"[{item.ref}](/actions/{item.ref}) {cell(item.title)}",
            cell(item.owner) or "no one yet",
            f"{item.due:%Y-%m-%d}",
            item.state,
        ]
        for item in items
    }
    for number in sorted({number for node in roots for number in node.actions} - set(rows)):
        rows[number] = [f"[ACT-{number}](/actions/ACT-{number})", "", "", ""]
    if not rows and not roots:
        return "No action item yet."
    lines = []
    if rows:
        answers = {n: "; ".join(cell(node.text) for node in roots if n in node.actions) for n in rows}
        lines.append(
            markdown.table(
                ["Action item", "Answers", "Owner", "Due", "State"],
                [[what, answers[number], *facts] for number, (what, *facts) in rows.items()],
            )
        )
    unanswered = [node for node in roots if not node.actions]
    if unanswered:
        lines += ["", "Roots without an action item:", ""]
        lines += [f"- {line(node.text)}" for node in unanswered]
    return "\n".join(lines).strip()


def _factors(tree: WhyTree) -> str:
    if not tree.factors:
        return "The tree of whys names no factor yet."
    return markdown.table(
        ["Factor", "What it was", "Code"],
        [[label(code), GROUPS[code.partition(".")[0]], f"`{code}`"] for code in sorted(tree.factors)],
    )
