"""Reads the Prometheus rule files that a source has next to its runbooks, for the names of their alerts."""

from dataclasses import dataclass

import msgspec

from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.kit.prometheus_rules import NotARuleFileError, alert_rules
from firebell.runbooks.sources.model import PreparedRuleFile, SourceFile, SourceFinding

RULE_FILES_MAX = 500
"""Number of rule files of one source."""
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class _Names:
    """The names of the alerts of a file, or why it is not a rule file."""

    names: tuple[str, ...] = ()
    problem: str = ""
    line: int = 1


def alert_names(text: str) -> _Names:
    """Return the names of the alerts of a file, or why it is not a rule file; called in a child process."""
    try:
        rules = alert_rules(text.removeprefix(_BYTE_ORDER_MARK))
        return _Names(tuple(sorted({rule.name for rule in rules})))
    except NotARuleFileError as error:
        return _Names(problem=str(error), line=error.line)


async def prepare(file: SourceFile, place: int) -> PreparedRuleFile | SourceFinding:
    """Return a rule file with the names of its alerts, or why it is not stored; `place` is its number among them."""
    if file.body is None:
        return SourceFinding(file.path, file.problem, "Correct the file.")
    if place >= RULE_FILES_MAX:
        return SourceFinding(
            file.path, f"The source has more than {RULE_FILES_MAX} rule files.", "Name a folder in the paths."
        )
    try:
        answer = await DOCUMENTS.call("firebell.runbooks.sources.rule_files:alert_names", file.body)
    except TakesTooLong:
        return SourceFinding(file.path, "The file took too long to read.", "Split it.")
    read = msgspec.json.decode(answer, type=_Names)
    if read.problem:
        return SourceFinding(
            file.path, read.problem, "Correct the file, or leave it out of the paths.", read.line
        )
    return PreparedRuleFile(file.body, read.names)
