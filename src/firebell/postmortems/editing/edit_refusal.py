"""The refusal of a text that cannot be merged, with what a person needs to choose (pure)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from firebell.kit.errors import Conflict
from firebell.postmortems.editing.three_way_merge import ConflictHunk, Merge


@dataclass(frozen=True, slots=True)
class ConflictText:
    """The three texts of a conflict; `parts` are the merged lines in order, with hunks to choose from.

    `version` and `hash` are those of the saved text: a text that is saved with them takes its place.
    """

    section: str
    version: int
    hash: str
    base: str
    theirs: str
    mine: str
    marked: str
    parts: tuple[tuple[str, ...] | ConflictHunk, ...]


class EditConflict(Conflict):
    """Someone else saved the same lines; `conflict` has what to choose from, None if the section is gone."""

    def __init__(self, message: str, *, hint: str, conflict: ConflictText | None = None) -> None:
        super().__init__(message, hint=hint)
        self.conflict = conflict

    def problem(self, instance: str) -> dict[str, object]:
        """Return the RFC 9457 body, with the texts of the conflict."""
        body = super().problem(instance)
        if self.conflict:
            texts = asdict(self.conflict)
            texts["parts"] = [_part(part) for part in self.conflict.parts]
            body["conflict"] = texts
        return body


def edit_conflict(
    section: str, version: int, section_hash: str, merged: Merge, texts: Sequence[str]
) -> EditConflict:
    """Return the refusal of a merge; `texts` are the base, the saved text and the writer's."""
    base, theirs, mine = texts
    return EditConflict(
        "Someone else saved the same lines while you edited them.",
        hint="Nothing is lost: choose for each of these lines, then save again.",
        conflict=ConflictText(section, version, section_hash, base, theirs, mine, merged.text, merged.parts),
    )


def _part(part: tuple[str, ...] | ConflictHunk) -> dict[str, object]:
    if isinstance(part, ConflictHunk):
        return {"base": list(part.base), "theirs": list(part.theirs), "mine": list(part.mine)}
    return {"lines": list(part)}
