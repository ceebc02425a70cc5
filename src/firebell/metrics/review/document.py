"""The quarterly review as a document: its lines, what to decide, and its Markdown (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from firebell.kit.markdown import cell, table
from firebell.kit.text import plural, times
from firebell.metrics.business_impact.model import ImpactTotal
from firebell.metrics.definitions import CUSTOMER_MINUTES, Kind
from firebell.metrics.export import target_result
from firebell.metrics.model import Scope
from firebell.metrics.money import Money
from firebell.metrics.presentation import wording
from firebell.metrics.presentation.results import Result, RuleTotal
from firebell.metrics.presentation.wording import length, percent
from firebell.metrics.review import quarters
from firebell.metrics.review.trends import Trend, count_change, trend
from firebell.metrics.statistics import poisson
from firebell.metrics.windows import Window

TREND_NAMES = {
    Trend.BETTER: "Better",
    Trend.WORSE: "Worse",
    Trend.HIGHER: "More",
    Trend.LOWER: "Fewer",
    Trend.NONE: "No detectable change",
    Trend.TOO_FEW: "Too few to say",
    Trend.UNTESTED: "Not tested",
}
TARGET_NAMES = {"none": "", "too_few": "Too few", "met": "Met", "missed": "Missed"}
FACTORS_LISTED, RULES_LISTED, OVERDUE_LISTED = 8, 8, 20
LONG_OVERDUE_DAYS = 30
"""An action item that is overdue for longer is named."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Line:
    """One metric: its value in this quarter and in the one before, and what would move it."""

    slug: str
    title: str
    acronym: str
    n: int
    now: str
    range: str
    """The 95% interval, blank for what has none."""
    before: str
    trend: Trend
    """Not tested across a change of the definition that does not recount."""
    target: str
    levers: Sequence[str]
    handbook: str
    notes: Sequence[str] = ()
    """Changes of its definition in the two quarters."""


@dataclass(frozen=True, slots=True)
class Severity:
    """The incidents of a severity that were declared in both quarters, with the interval of this one."""

    severity: int
    now: int
    low: float
    high: float
    before: int
    trend: Trend


@dataclass(frozen=True, slots=True)
class Factor:
    """How many incidents of each quarter had a contributing factor."""

    code: str
    now: int
    before: int


@dataclass(frozen=True, slots=True)
class HeldDrill:
    """A drill that finished in the quarter; `score` is in percent, None if nothing could be decided."""

    ref: str
    title: str
    day: date
    score: int | None


@dataclass(frozen=True, slots=True)
class OverdueItem:
    """An action item that is overdue for more than 30 days; `owner` is empty without one who accepted it."""

    ref: str
    title: str
    owner: str
    days: int


@dataclass(frozen=True, slots=True)
class Practice:
    """What the quarter did for the next incidents; readiness is of the organization, None without a record."""

    drills: Sequence[HeldDrill] = ()
    readiness: int | None = None
    readiness_before: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewCost:
    """What the incidents of a quarter cost, for managers; each list has one entry for each currency."""

    impacts: Sequence[ImpactTotal]
    totals: Sequence[Money]
    """The time of people, if there is a rate, and the business impact."""
    totals_before: Sequence[Money]
    unpriced_s: int = 0
    """Time of people that has no rate."""

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """Each currency of one of the quarters with its total now and before, a dash without one."""
        now, before = [
            {each.currency: str(each) for each in totals} for totals in (self.totals, self.totals_before)
        ]
        return [(code, now.get(code, "–"), before.get(code, "–")) for code in sorted(now | before)]


@dataclass(frozen=True, slots=True)
class Review:
    """The trends of a quarter of the organization, or of one team."""

    window: Window
    is_over: bool
    team: str
    lines: Sequence[Line]
    severities: Sequence[Severity]
    factors: Sequence[Factor]
    rules: Sequence[RuleTotal]
    questions: Sequence[str]
    practice: Practice = field(default_factory=Practice)
    overdue: Sequence[OverdueItem] = ()
    """As of now, the longest overdue first."""
    cost: ReviewCost | None = None
    """Only for readers who may see what incidents cost."""

    @property
    def quarter(self) -> str:
        """Its name, such as 2026-Q3."""
        return quarters.name(self.window)

    @property
    def quarter_before(self) -> str:
        """The quarter that it is compared with."""
        return quarters.name_before(self.window)

    @property
    def title(self) -> str:
        """What it is, such as Quarterly review 2026-Q3, Payments."""
        return f"Quarterly review {self.quarter}{f', {self.team}' if self.team else ''}"


def days_of(scope: Scope) -> tuple[float, float]:
    """Return the days of a quarter that are over, one at least, and those of the quarter before it.

    Days before the first service was created count in neither.
    """
    window = scope.window
    start = min(scope.recorded_from, window.end - _DAY)
    until = min(window.end, max(scope.now, start + _DAY))
    before = max(window.before_start, min(scope.recorded_since or window.before_start, window.start - _DAY))
    return (until - start) / _DAY, (window.start - before) / _DAY


def line(result: Result) -> Line:
    """Return the line of a metric."""
    what = result.definition
    days, days_before = days_of(result.scope)
    now, interval, before = _values(result)
    changed = wording.definition_changes(result)
    return Line(
        what.slug,
        what.title,
        what.acronym,
        result.n,
        now,
        interval,
        before,
        trend(result, days, days_before) if all(one.recounts for one in changed) else Trend.UNTESTED,
        target_result(result),
        what.levers,
        what.handbook,
        tuple(one.note for one in changed),
    )


def _values(result: Result) -> tuple[str, str, str]:
    """Return the value of a metric, its interval and its value before, as people read them."""
    if (figure := result.summary) and result.change:
        change = result.change
        before = length(change.median_before) if change.n_before >= 5 else _cases(change.n_before)
        if figure.sample not in ("few", "enough"):
            return _cases(figure.n), "", before
        interval = ""
        if figure.interval:
            low, high = figure.interval
            interval = f"{length(low)} or more" if high is None else f"{length(low)} – {length(high)}"
        return f"median {length(figure.median)}", interval, before
    if share := result.share:
        earlier = result.share_before
        return (
            f"{share.hits} of {share.n}, {percent(share.value)}" if share.n else "nothing to count",
            f"{percent(share.interval[0])} – {percent(share.interval[1])}" if share.interval else "",
            f"{earlier.hits} of {earlier.n}, {percent(earlier.value)}" if earlier and earlier.n else "–",
        )
    if result.definition.slug == "mtbf":
        if not result.services:
            least = result.without_failure.lower_bound_s
            return f"no failure in {length(result.seconds or 0)}", f"{length(least)} or more", "–"
        worst = result.services[0]
        return f"{length(worst.between.seconds)} ({worst.name})", "", "–"
    if result.definition.slug == CUSTOMER_MINUTES:
        now_minutes = " ".join(wording.customer_minutes(result.customer_minutes or 0))
        minutes_before = " ".join(wording.customer_minutes(result.customer_minutes_before or 0))
        had_any = result.count_before is not None and result.count_before.number > 0
        return (now_minutes if result.n else "nothing to count"), "", minutes_before if had_any else "–"
    if result.definition.kind is Kind.SERVICES or result.definition.slug == "cost":
        return (
            length(result.seconds or 0),
            "",
            "–" if result.seconds_before is None else length(result.seconds_before),
        )
    assert result.count
    number_before = str(result.count_before.number) if result.count_before else "–"
    low_count, high_count = result.count.interval
    return str(result.count.number), f"{low_count:.1f} – {high_count:.1f}", number_before


def _cases(n: int) -> str:
    return f"{plural(n, 'case')}, too few" if n else "no cases"


def severity(number: int, now: int, before: int, scope: Scope) -> Severity:
    """Return the line of a severity."""
    low, high = poisson.interval(now)
    return Severity(number, now, low, high, before, count_change(now, before, *days_of(scope)))


def factors(now: Mapping[str, int], before: Mapping[str, int]) -> list[Factor]:
    """Return the factors that most incidents of the quarter had, the most frequent first."""
    ranked = sorted(now, key=lambda code: (-now[code], -before.get(code, 0), code))
    return [Factor(code, now[code], before.get(code, 0)) for code in ranked[:FACTORS_LISTED]]


def questions(
    lines: Sequence[Line],
    factors: Sequence[Factor],
    rules: Sequence[RuleTotal],
    practice: Practice | None = None,
) -> list[str]:
    """Return what the quarter asks its readers to decide: missed targets, what got worse, what comes back.

    With `practice`, also about drills that were not held and readiness that fell.
    """
    asked = []
    for each in lines:
        if each.target == "missed" or each.trend is Trend.WORSE:
            why = "missed its target" if each.target == "missed" else "got worse"
            lever = each.levers[0][0].lower() + each.levers[0][1:]
            asked.append(f"{each.title} {why} ({each.now}). Will you {lever}, and who does it?")
    asked += [
        f"{factor.now} incidents had the factor {factor.code}. What would remove it?"
        for factor in factors[:3]
        if factor.now >= 2 and not factor.code.startswith("luck.")
    ]
    asked += [
        f"The rule {rule.rule} paged {times(rule.pages)} and {rule.noise} needed no action."
        " Change it, or delete it?"
        for rule in rules[:3]
        if rule.pages >= 5 and 2 * rule.noise > rule.pages
    ]
    return asked + (_about_practice(practice) if practice else [])


def _about_practice(practice: Practice) -> list[str]:
    asked = [] if practice.drills else ["No drill was held. Who plans the next one, and for when?"]
    now, before = practice.readiness, practice.readiness_before
    if now is not None and before is not None and now < before:
        asked.append(f"Readiness fell from {before} to {now} of 100. Which item comes first?")
    return asked


def _practice(practice: Practice) -> str:
    held = [
        f"- {each.day}: {cell(each.title)} ({each.ref}), "
        + ("no score" if each.score is None else f"{each.score}%")
        for each in practice.drills
    ]
    lines = held or ["No drill was held."]
    if practice.readiness is not None:
        before = "" if practice.readiness_before is None else f", {practice.readiness_before} before"
        lines += ["", f"Readiness: {practice.readiness} of 100{before}."]
    return "\n".join(lines)


def _notes(review: Review) -> list[str]:
    """Return what changed in definitions as one list, none if nothing did."""
    notes = [f"- {each.title}: {cell(note)}" for each in review.lines for note in each.notes]
    return ["\n".join(notes)] if notes else []


def _cost(cost: ReviewCost | None) -> list[str]:
    if cost is None:
        return []
    lines = [
        f"Business impact of {plural(each.incidents, 'incident')}: {each.money}." for each in cost.impacts
    ]
    if cost.unpriced_s:
        lines.append(f"{length(cost.unpriced_s)} of people’s time has no rate.")
    text = table(["Currency", "Now", "Before"], cost.rows) if cost.rows else "No cost is recorded."
    return ["## What incidents cost", text, *lines]


def markdown(review: Review, url: str) -> str:
    """Return the document as Markdown; its links begin with `url`."""
    window = review.window
    text = [
        f"# {cell(review.title)}",
        f"{wording.days(window)} against {wording.days_before(window)} (UTC)."
        + ("" if review.is_over else " The quarter is not over.")
        + " Without private incidents. A change is one that chance alone would rarely produce.",
        "## To decide",
        "\n".join(f"- {cell(question)}" for question in review.questions)
        or "Nothing missed its target or got worse. What do you want to try next quarter?",
        "## Trends",
        table(
            ["Metric", "Now", "95% interval", "Before", "Change", "Target"],
            [
                [
                    f"[{each.title}]({url}/metrics/{each.slug}?from={window.first_day}&to={window.last_day})",
                    cell(each.now),
                    each.range,
                    cell(each.before),
                    TREND_NAMES[each.trend],
                    TARGET_NAMES[each.target],
                ]
                for each in review.lines
            ],
        ),
        *_notes(review),
        *_cost(review.cost),
        "## Incidents by severity",
        table(
            ["Severity", "Now", "Chance alone gives", "Before", "Change"],
            [
                [
                    f"SEV{each.severity}",
                    str(each.now),
                    f"{each.low:.1f} – {each.high:.1f}",
                    str(each.before),
                    TREND_NAMES[each.trend],
                ]
                for each in review.severities
            ],
        ),
        "## Contributing factors",
        table(
            ["Factor", "Incidents", "Before"],
            [[f"`{each.code}`", str(each.now), str(each.before)] for each in review.factors],
        )
        if review.factors
        else "No incident of this quarter has a factor in its post-mortem.",
        "## Rules that cost the most",
        table(
            ["Rule", "Pages", "At night", "Needed no action"],
            [[cell(each.rule), str(each.pages), str(each.nights), str(each.noise)] for each in review.rules],
        )
        if review.rules
        else "No rule paged anyone.",
        "## Action items overdue for more than 30 days",
        table(
            ["Action item", "Owner", "Overdue"],
            [
                [
                    f"[{each.ref}]({url}/actions/{each.ref}) {cell(each.title)}",
                    cell(each.owner or "No owner"),
                    plural(each.days, "day"),
                ]
                for each in review.overdue
            ],
        )
        if review.overdue
        else "None.",
        "## Drills and readiness",
        _practice(review.practice),
        "## What would move each metric",
        "\n".join(
            f"- **{each.title}**: {'; '.join(each.levers)}."
            f" [Handbook]({url}/handbook/references/{each.handbook})"
            for each in review.lines
        ),
    ]
    return "\n\n".join(text) + "\n"
