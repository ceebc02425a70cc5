"""What the guided steps read of a document (pure): its sections, its tree of whys, and what is unfinished."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.postmortems.blameless.subjects import is_about_person, people_named
from firebell.postmortems.document import whys
from firebell.postmortems.document.sections import DocumentSection, split, titled
from firebell.postmortems.document.whys import WhyProblem, WhyTree


@dataclass(frozen=True, slots=True)
class DocumentOutline:
    """The structure of a document; `unfinished` are the placeholders that it still has."""

    sections: tuple[DocumentSection, ...]
    tree: WhyTree
    why_problems: tuple[WhyProblem, ...]
    unfinished: tuple[str, ...]

    @property
    def roots_without_action(self) -> list[whys.WhyNode]:
        """The roots that no action item answers."""
        return [node for node in self.tree.nodes() if node.kind == "root" and not node.actions]

    @property
    def open_questions(self) -> list[whys.WhyNode]:
        """The leaves that are still a question."""
        return [node for node in self.tree.nodes() if node.kind == "open"]

    @property
    def cause(self) -> DocumentSection | None:
        """The section with the tree of whys."""
        return titled(self.sections, whys.CAUSE_TITLE)


def outline(
    body: str, max_severity: int, people: Sequence[str], unfinished: Sequence[str] = ()
) -> DocumentOutline:
    """Return the outline of a document; `people` are the names that it may mention."""
    sections = tuple(split(body))
    tree = whys.tree_of(sections)
    names = people_named(people)
    problems = whys.check(tree, max_severity, lambda text: is_about_person(text, names))
    return DocumentOutline(sections, tree, tuple(problems), tuple(unfinished))
