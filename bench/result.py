"""What one workload says about itself."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table. `bars` are (bar, held); `wrong` is empty when every count is right."""

    workload: str
    what: str
    measured: str
    beside: str
    bars: tuple[tuple[str, bool], ...] = ()
    wrong: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def held(self) -> bool:
        """Whether the result is correct and every bar of the first release holds."""
        return not self.wrong and all(held for name, held in self.bars if not name.startswith("stretch"))


def check(**facts: tuple[float, float]) -> tuple[str, ...]:
    """Return a sentence for each fact whose value is not the one that it must be."""
    return tuple(
        f"{name.replace('_', ' ')}: {value:,.0f} instead of {wanted:,.0f}"
        for name, (value, wanted) in facts.items()
        if value != wanted
    )


def number(value: float) -> str:
    """Return a number with as many digits as it deserves."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
