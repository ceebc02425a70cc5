"""Figures and cases as flat records, which CSV, JSON and the API share (pure; spec N19)."""

from collections.abc import Sequence

from firebell.kit.spreadsheet import to_csv
from firebell.metrics.definitions import CUSTOMER_MINUTES, Definition, Subject
from firebell.metrics.figures.member_rows import Member
from firebell.metrics.presentation.results import Result
from firebell.metrics.presentation.summaries import FEW_BELOW, TOO_FEW_BELOW, sample_of
from firebell.metrics.presentation.tables import Cell, Table
from firebell.metrics.windows import Window

FIGURES = (
    *("metric", "title", "acronym", "first_day", "last_day", "time_zone", "n", "sample", "left_out"),
    *("unfinished", "median_s", "p75_s", "p90_s", "longest_s", "mean_s", "median_low_s", "median_high_s"),
    *("target_s", "within_target", "within_target_of", "hits", "share", "share_low", "share_high"),
    *("count", "count_low", "count_high", "total_s", "beside", "result"),
    *("customer_minutes", "before_customer_minutes"),
    *("before_n", "before_median_s", "before_share", "before_count", "before_total_s", "change", "p"),
)
MAX_CASES = 50_000
"""Number of cases in an exported file at most."""
CASES = (
    "case",
    "title",
    "severity",
    "starts_at",
    "ends_at",
    "seconds",
    "has_ended",
    "hit",
    "counts",
    "reason",
    "customers",
    "customer_minutes",
)


def _rounded(value: float | None, digits: int = 4) -> float | None:
    return None if value is None else round(value, digits)


def figures(result: Result) -> dict[str, Cell]:
    """Return the figures of a metric by name, None for what it does not have."""
    what, window = result.definition, result.scope.window
    record: dict[str, Cell] = dict.fromkeys(FIGURES)
    record |= {
        "metric": what.slug,
        "title": what.title,
        "acronym": what.acronym or None,
        "first_day": window.first_day.isoformat(),
        "last_day": window.last_day.isoformat(),
        "time_zone": window.zone,
        "n": result.n,
        "sample": sample_of(result.n),
        "left_out": sum(result.excluded.values()),
        "result": target_result(result),
        "total_s": result.seconds,
        "before_total_s": result.seconds_before,
        "customer_minutes": result.customer_minutes,
        "before_customer_minutes": result.customer_minutes_before,
    }
    if one := result.summary:
        low, high = one.interval or (None, None)
        is_enough, has_median = one.n >= FEW_BELOW, one.n >= TOO_FEW_BELOW
        record |= {
            "unfinished": one.unfinished,
            "median_s": _rounded(one.median, 1) if has_median else None,
            "p75_s": _rounded(one.p75, 1) if has_median else None,
            "p90_s": _rounded(one.p90, 1) if is_enough else None,
            "longest_s": one.longest,
            "mean_s": _rounded(one.mean, 1),
            "median_low_s": low,
            "median_high_s": high,
            "target_s": one.target_s,
            "within_target": one.within.hits if one.within else None,
            "within_target_of": one.within.n if one.within else None,
            "share": _rounded(one.share),
        }
        if one.share_interval:
            record["share_low"], record["share_high"] = (_rounded(x) for x in one.share_interval)
    if result.change:
        record |= {
            "before_n": result.change.n_before,
            "before_median_s": _rounded(result.change.median_before, 1)
            if result.change.n_before >= TOO_FEW_BELOW
            else None,
            "change": result.change.result,
            "p": _rounded(result.change.comparison.p) if result.change.comparison else None,
        }
    if share := result.share:
        record |= {"hits": share.hits, "share": _rounded(share.value), "beside": result.beside}
        if share.interval:
            record["share_low"], record["share_high"] = (_rounded(x) for x in share.interval)
    if before := result.share_before:
        record |= {"before_n": before.n, "before_share": _rounded(before.value)}
    if count := result.count:
        low_count, high_count = count.interval
        record |= {
            "count": count.number,
            "count_low": _rounded(low_count, 3),
            "count_high": _rounded(high_count, 3),
        }
    if result.count_before:
        record["before_count"] = result.count_before.number
    return record


def target_result(result: Result) -> str:
    """Return whether a metric meets its target: `none` without one, `too_few`, `met` or `missed`."""
    if result.summary:
        return result.summary.result
    if result.definition.slug == "mtbf":
        return (result.services[0].between if result.services else result.without_failure).result
    if result.definition.slug == "actions" and result.share:
        if not result.share.n:
            return "none"
        if result.share.n < TOO_FEW_BELOW:
            return "too_few"
        return "met" if 10 * result.share.hits > 9 * result.share.n else "missed"
    return "none"


def reference(result_subject: Subject, case_id: int) -> str:
    """Return the reference of a case, such as INC-7 or PG-7."""
    return f"{'PG' if result_subject is Subject.PAGES else 'INC'}-{case_id}"


def case_record(what: Definition, member: Member) -> dict[str, Cell]:
    """Return an incident or page behind a metric."""
    return {
        "case": reference(what.subject, member.id),
        "title": member.title,
        "severity": member.severity,
        "starts_at": member.starts_at.isoformat() if member.starts_at else None,
        "ends_at": member.ends_at.isoformat() if member.ends_at else None,
        "seconds": member.seconds,
        "has_ended": member.has_ended,
        "hit": member.hit,
        "counts": member.reason is None,
        "reason": member.reason,
        "customers": member.customers,
        "customer_minutes": _customer_minutes(what, member),
    }


def _customer_minutes(what: Definition, member: Member) -> int | None:
    """Return the customer minutes of an incident that counts in this metric, None in another one."""
    return member.hits if what.slug == CUSTOMER_MINUTES and member.reason is None else None


def cases_csv(what: Definition, members: Sequence[Member], *, bom: bool = False) -> str:
    """Return incidents or pages behind a metric as CSV; `MAX_CASES` of them take 0.4 s."""
    return records_csv(CASES, [case_record(what, member) for member in members], bom=bom)


def records_csv(names: Sequence[str], records: Sequence[dict[str, Cell]], *, bom: bool = False) -> str:
    """Return records as CSV, blank for what they do not have."""
    rows = [["" if (value := record.get(name)) is None else value for name in names] for record in records]
    return to_csv([names, *rows], bom=bom)


def table_csv(table: Table, *, bom: bool = False) -> str:
    """Return a table as CSV, with the names of its columns."""
    return records_csv([column.name for column in table.columns], table.records(), bom=bom)


def file_name(slug: str, window: Window, kind: str) -> str:
    """Return the name of an exported file."""
    return f"firebell-{slug}-{window.first_day}-{window.last_day}.{kind}"
