"""What the scribe writes, put into the text of a section (pure)."""

import re

from firebell.kit.errors import Invalid
from firebell.postmortems.document import whys
from firebell.postmortems.document.whys import LEAVES, WhyNode

NEW_KINDS = ("why", "root", "open")
_PLACEHOLDER = re.compile(r"_[^_\n]*_")


def with_note(section: str, note: str) -> str:
    """Return a section with a note at its end; a line of a list continues it, and a placeholder is replaced."""
    lines = section.rstrip().split("\n") if section.strip() else []
    if lines and _PLACEHOLDER.fullmatch(lines[-1].strip().removeprefix("- ").strip()):
        mark = "- " if lines[-1].lstrip().startswith("- ") else ""
        lines[-1] = f"{mark}{note}"
    elif lines and lines[-1].lstrip().startswith(("- ", "* ")):
        lines.append(f"- {note}" if not note.startswith(("- ", "* ")) else note)
    else:
        lines += ["", note] if lines else [note]
    return "\n".join(lines)


def with_why(section: str, parent_line: int | None, kind: str, text: str) -> str:
    """Return a Root cause section with a new item below the one in line `parent_line`.

    If nothing can stand below any item, because there is none or all are leaves, the text becomes an effect.
    Raise `Invalid` for a parent that is gone or is a leaf, and for an unknown kind.
    """
    text = " ".join(text.split())
    tree = whys.parse(section)
    if tree.end == tree.start and tree.effects:
        raise Invalid(
            "The whys are a numbered list.", hint="Turn them into a tree in the editor, then continue here."
        )
    if all(node.kind in LEAVES for node in tree.nodes()):
        outline = whys.write([WhyNode("effect", text, 0)])
        return f"{section.rstrip()}\n\n{outline}".lstrip("\n")
    if kind not in NEW_KINDS:
        raise Invalid("There is no such kind.", fields={"kind": f"Choose one of {', '.join(NEW_KINDS)}."})
    parent = next((node for node in tree.nodes() if node.line == parent_line), None)
    if parent is None or parent.kind in LEAVES:
        raise Invalid(
            "The item no longer exists, or can’t have items below it.",
            fields={"parent": "Choose an effect or a why."},
        )
    lines = section.split("\n")
    last = max(node.line for node in parent.walk())
    first = lines[parent.line]
    indent = first[: len(first) - len(first.lstrip())]
    child = parent.children[0].line if parent.children else None
    inner = lines[child][: len(lines[child]) - len(lines[child].lstrip())] if child else f"{indent}  "
    return "\n".join([*lines[: last + 1], f"{inner}- {kind}: {text}", *lines[last + 1 :]])
