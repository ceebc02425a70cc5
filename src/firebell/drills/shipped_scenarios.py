"""The scenarios that Firebell ships, and the scenario of a drill."""

from functools import cache, lru_cache
from importlib.resources import files

from firebell.drills.model import Drill, Scenario
from firebell.drills.scenario_file import read_scenario


@cache
def load() -> dict[str, tuple[str, Scenario]]:
    """Return the text and the scenario of each shipped file by slug."""
    scenarios = {}
    for file in sorted(files("firebell.drills").joinpath("scenarios").iterdir(), key=lambda one: one.name):
        text = file.read_text("utf-8")
        scenario = read_scenario(text).scenario
        assert scenario is not None  # tests read each of them
        scenarios[scenario.slug] = (text, scenario)
    return scenarios


@lru_cache(maxsize=64)
def _read(text: str) -> Scenario:
    scenario = read_scenario(text).scenario
    assert scenario is not None  # a drill is planned only with a file that was read
    return scenario


def scenario_of(drill: Drill) -> Scenario:
    """Return the scenario of a drill, as it was when the drill was planned."""
    return _read(drill.scenario_text)
