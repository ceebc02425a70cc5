"""The result of one workload."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. `bars` are (target, met); `wrong` is empty if every count is right."""

    workload: str
    what: str
    measured: str
    beside: str
    bars: tuple[tuple[str, bool], ...] = ()
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def held(self) -> bool:
        """True if the counts are right and every target that is not a stretch goal is met."""
        return not self.wrong and all(held for name, held in self.bars if not name.startswith("stretch"))


def check(**facts: tuple[float, float]) -> tuple[str, ...]:
    """Return a message for each fact (actual, expected) that does not match."""
    return tuple(
        f"{name.replace('_', ' ')}: {value:,.0f} instead of {expected:,.0f}"
        for name, (value, expected) in facts.items()
        if value != expected
    )


def number(value: float) -> str:
    """Return a number rounded to about three significant digits."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
