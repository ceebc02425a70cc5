"""The tables of services and of alert rules (pure)."""

from collections.abc import Sequence

from firebell.metrics.definitions import Definition
from firebell.metrics.presentation.results import RuleTotal, ServiceFigure
from firebell.metrics.presentation.tables import Column, Table, Unit


def services(what: Definition, figures: Sequence[ServiceFigure]) -> Table:
    """Return the impact of services, or the time between their failures."""
    columns: tuple[Column, ...]
    if what.slug == "impact":
        columns = (
            Column("service", "Service", Unit.TEXT),
            Column("impact_s", "Time in impact", Unit.SECONDS),
            Column("availability", "Available", Unit.SHARE),
            Column("note", "Note", Unit.TEXT),
        )
        rows = [
            (one.slug, one.impact_s, round(one.availability, 6), "at least" if one.at_least else "")
            for one in figures
        ]
        return Table("Time in impact by service", columns, rows)
    columns = (
        Column("service", "Service", Unit.TEXT),
        Column("failures", "Failures"),
        Column("between_s", "Between failures", Unit.SECONDS),
        Column("low_s", "At least", Unit.SECONDS),
        Column("high_s", "At most", Unit.SECONDS),
        Column("impact_s", "Time in impact", Unit.SECONDS),
    )
    return Table(
        "Time between failures by service",
        columns,
        [
            (
                one.slug,
                one.between.failures,
                one.between.seconds,
                *(one.between.interval or (None, None)),
                one.impact_s,
            )
            for one in figures
        ],
    )


def medians_by_team(trends: Sequence[tuple[str, Table]]) -> Table:
    """Return the median of each team by month, from the trends of the teams, which have the same months."""
    months = trends[0][1].column("month") if trends else []
    medians = [table.column("median_s") for _, table in trends]
    columns = (
        Column("month", "Month", Unit.TEXT),
        *(Column(name, name, Unit.SECONDS) for name, _ in trends),
    )
    return Table("Median by team and month", columns, list(zip(months, *medians, strict=True)))


def rules(totals: Sequence[RuleTotal]) -> Table:
    """Return the rules that cost people most."""
    columns = (
        Column("rule", "Rule", Unit.TEXT),
        Column("pages", "Pages"),
        Column("night_pages", "At night"),
        Column("noise", "Noise"),
    )
    return Table(
        "Rules that cost the most",
        columns,
        [(rule.rule, rule.pages, rule.nights, rule.noise) for rule in totals],
    )
