"""The scenarios that a drill can be planned with: those that Firebell ships, and those of runbook sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from firebell.drills import shipped_scenarios
from firebell.drills.model import Scenario
from firebell.drills.scenario_file import ScenarioFile, read_scenario
from firebell.drills.yaml_reading import FileProblem
from firebell.kit.db.database import Tx
from firebell.kit.threads import DOCUMENTS
from firebell.runbooks import actions as runbooks
from firebell.runbooks.model import ScenarioText


@dataclass(frozen=True, slots=True)
class LibraryScenario:
    """A scenario with its file; `source` and `path` are blank if Firebell ships it."""

    scenario: Scenario
    text: str
    source: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A scenario file of a source that cannot be used."""

    source: str
    path: str
    problems: tuple[FileProblem, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """The scenarios by slug, and the files that cannot be used."""

    scenarios: Mapping[str, LibraryScenario]
    refused: tuple[RefusedFile, ...] = ()


_read = lru_cache(maxsize=512)(read_scenario)


def combined(files: Iterable[tuple[ScenarioText, ScenarioFile]]) -> Library:
    """Return the library (pure): a source's file replaces a shipped one; of two with the same slug, neither is used."""
    scenarios = {
        slug: LibraryScenario(scenario, text) for slug, (text, scenario) in shipped_scenarios.load().items()
    }
    refused = []
    by_slug: dict[str, list[LibraryScenario]] = {}
    for file, result in files:
        if result.scenario is None:
            refused.append(RefusedFile(file.source, file.path, result.problems))
        else:
            own = LibraryScenario(result.scenario, file.body, file.source, file.path)
            by_slug.setdefault(result.scenario.slug, []).append(own)
    for slug, rivals in by_slug.items():
        if len(rivals) == 1:
            scenarios[slug] = rivals[0]
            continue
        for each in rivals:
            others = ", ".join(f"{r.path} of {r.source}" for r in rivals if r is not each)
            problem = FileProblem(1, f"The slug {slug} is also in {others}.", "Change one of them.")
            refused.append(RefusedFile(each.source, each.path, (problem,)))
    return Library(
        dict(sorted(scenarios.items())), tuple(sorted(refused, key=lambda each: (each.source, each.path)))
    )


async def library(tx: Tx) -> Library:
    """Return all scenarios; the files of sources are read in another thread, each once."""
    files = await runbooks.scenario_texts(tx)
    if not files:
        return combined(())
    return await DOCUMENTS.run(lambda: combined((file, _read(file.body)) for file in files))
