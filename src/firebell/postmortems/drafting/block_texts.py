"""The Markdown of each live block (pure)."""

from firebell.kit.markdown import cell
from firebell.postmortems.document import sections, whys
from firebell.postmortems.document.factors import GROUPS, label
from firebell.postmortems.document.whys import WhyTree
from firebell.postmortems.drafting.draft import format_minutes
from firebell.postmortems.drafting.facts import DraftSources, facts
from firebell.postmortems.drafting.timeline_rows import select, table


def block_texts(body: str, sources: DraftSources) -> dict[str, str]:
    """Return the text of every block of a document, by name."""
    tree = _tree(body)
    return {
        "timeline": table(select(facts(sources)), several=len(sources.incidents) > 1),
        "measures": _measures(sources),
        "actions": _actions(tree),
        "factors": _factors(tree),
    }


def _tree(body: str) -> WhyTree:
    cause = sections.titled(sections.split(body), "Root cause")
    return whys.parse(cause.text if cause else "")


def factors(body: str) -> list[str]:
    """Return the codes of the factors that a document names, in order, each once."""
    return _tree(body).factors


def _measures(sources: DraftSources) -> str:
    several = len(sources.incidents) > 1
    head = ["Measure", *(["Incident"] if several else []), "Time", "Target"]
    lines = [head, ["---"] * len(head)]
    for incident in sources.incidents:
        for measure in sources.measures.get(incident.id, ()):
            taken = "not known" if measure.taken is None else format_minutes(measure.taken)
            target = "-" if measure.target is None else f"within {format_minutes(measure.target)}"
            missed = ", missed" if measure.is_met is False else ""
            named = [incident.ref] if several else []
            lines.append([measure.label, *named, taken, f"{target}{missed}"])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _actions(tree: WhyTree) -> str:
    """Return the roots with the action items that answer them."""
    roots = [node for node in tree.nodes() if node.kind == "root"]
    if not roots:
        return "The tree of whys has no root yet."
    lines = ["| Root | Action items |", "| --- | --- |"]
    for node in roots:
        refs = ", ".join(f"ACT-{number}" for number in node.actions) or "none yet"
        lines.append(f"| {cell(node.text)} | {refs} |")
    return "\n".join(lines)


def _factors(tree: WhyTree) -> str:
    if not tree.factors:
        return "The tree of whys names no factor yet."
    lines = ["| Factor | What it was | Code |", "| --- | --- | --- |"]
    lines += [
        f"| {label(code)} | {GROUPS[code.partition('.')[0]]} | `{code}` |" for code in sorted(tree.factors)
    ]
    return "\n".join(lines)
