"""F-NIGHT and F-FATIGUE: who had too many pages in a month."""

from datetime import UTC, date, datetime

from firebell.oncall.rota.fairness import Load
from firebell.paging.model import TiredNight
from firebell.people.model import Person, Role, Team
from firebell.workload.fatigue import findings
from firebell.workload.model import Calls, PersonRow, Rates, WorkloadReport, WorkShare

MONTH, END = date(2026, 11, 1), datetime(2026, 11, 30, tzinfo=UTC)
MARA, JUN = (
    Person(i, name, "", Role.RESPONDER, "UTC", "auto", True) for i, name in ((1, "Mara"), (2, "Jun"))
)


def report(*shares: dict[Person, Calls]) -> WorkloadReport:
    """Return a report of one team for each share."""
    teams = [
        WorkShare(
            Team(i, f"Team {i}", f"t{i}"),
            [PersonRow(person, Load(), 0, calls, "average", "average") for person, calls in share.items()],
        )
        for i, share in enumerate(shares)
    ]
    return WorkloadReport(MONTH, [], teams, [], Rates(), END)


def night(person: Person) -> TiredNight:
    return TiredNight(12, person.id, person.name, date(2026, 11, 23), END, 4, 5)


def test_three_pages_in_a_night_and_ten_in_a_shift_are_not_too_many() -> None:
    assert findings(report({MARA: Calls(pages=30, worst_night=3, worst_shift=10)}), []) == []
    (found,) = findings(report({MARA: Calls(pages=30, worst_night=4, worst_shift=11)}), [])
    assert (found.id, found.message) == (
        "F-FATIGUE:2026-11:1",
        "Mara had 4 pages in one night and 11 pages in one shift.",
    )


def test_the_worst_night_counts_in_whichever_team_it_was() -> None:
    busy, bad = Calls(pages=20, worst_night=2, worst_shift=2), Calls(pages=5, worst_night=5, worst_shift=5)
    for shares in (({MARA: busy}, {MARA: bad}), ({MARA: bad}, {MARA: busy})):
        assert [f.message for f in findings(report(*shares), [])] == ["Mara had 5 pages in one night."]


def test_a_night_over_the_limit_of_someone_in_the_report_comes_first() -> None:
    codes = [f.code for f in findings(report({MARA: Calls(worst_night=5)}), [night(MARA), night(JUN)])]
    assert codes == ["F-NIGHT", "F-FATIGUE"]
    assert findings(report({MARA: Calls()}), [night(MARA)])[0].message == (
        "Mara had 5 pages on the night of 23 Nov. The first beyond the limit was PG-4."
    )
