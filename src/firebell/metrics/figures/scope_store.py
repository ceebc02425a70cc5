"""The SQL of a scope: which facts of incidents and pages are in a period, and how their durations count."""

from firebell.metrics.model import Scope

HIGH = "page_fact.urgency = 'high'"


class Conditions:
    """The conditions of a statement and their values."""

    def __init__(self) -> None:
        self.values: list[object] = []
        self._all: list[str] = []

    def value(self, value: object) -> str:
        """Append a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    def add(self, condition: str) -> None:
        """Append a condition."""
        self._all.append(condition)

    @property
    def sql(self) -> str:
        """All conditions as one."""
        return " and ".join(self._all) or "true"


def filters(scope: Scope, into: Conditions) -> None:
    """Add the filters of a scope for incidents, whatever their period."""
    if scope.severity is not None:
        into.add(f"incident_fact.severity_max = {into.value(scope.severity)}::smallint")
    if scope.type:
        into.add(f"incident_fact.type = {into.value(scope.type)}::text")
    if scope.hidden:
        into.add(f"incident_fact.id <> all({into.value(list(scope.hidden))}::bigint[])")
    if scope.service_id is not None or scope.team_id is not None:
        service, team = into.value(scope.service_id), into.value(scope.team_id)
        into.add(
            f"""exists (
                select
                from incident_fact_service affected
                join service on service.id = affected.service_id
                where affected.incident_id = incident_fact.id
                    and ({service}::bigint is null or service.id = {service}::bigint)
                    and ({team}::bigint is null or service.team_id = {team}::bigint)
            )"""
        )


def closed(scope: Scope, into: Conditions, *, before: bool = False) -> None:
    """Add the condition that an incident was closed in the period, or is open now if the period contains now."""
    start, end = scope.window.before if before else (scope.window.start, scope.window.end)
    a, b = into.value(start), into.value(end)
    in_period = (
        f"(incident_fact.closed_at >= {a}::timestamptz and incident_fact.closed_at < {b}::timestamptz)"
    )
    if scope.may_be_open and not before:
        in_period = f"({in_period} or (incident_fact.closed_at is null and incident_fact.excluded is null))"
    into.add(in_period)
    filters(scope, into)


def closed_and_counted(scope: Scope, *, before: bool = False) -> Conditions:
    """Return the conditions of the incidents that costs count: closed in the period, and not excluded."""
    conditions = Conditions()
    closed(scope, conditions, before=before)
    conditions.add("incident_fact.closed_at is not null")
    conditions.add("incident_fact.excluded is null")
    return conditions


def declared(scope: Scope, into: Conditions, *, before: bool = False) -> None:
    """Add the condition that an incident was declared in the period."""
    start, end = scope.window.before if before else (scope.window.start, scope.window.end)
    into.add(f"incident_fact.declared_at >= {into.value(start)}::timestamptz")
    into.add(f"incident_fact.declared_at < {into.value(end)}::timestamptz")
    filters(scope, into)


def triggered(scope: Scope, into: Conditions, *, before: bool = False) -> None:
    """Add the condition that an urgent page was triggered in the period."""
    start, end = scope.window.before if before else (scope.window.start, scope.window.end)
    into.add(HIGH)
    into.add(f"page_fact.triggered_at >= {into.value(start)}::timestamptz")
    into.add(f"page_fact.triggered_at < {into.value(end)}::timestamptz")
    if scope.severity is not None:
        into.add(f"page_fact.severity = {into.value(scope.severity)}::smallint")
    if scope.team_id is not None:
        into.add(f"page_fact.team_id = {into.value(scope.team_id)}::bigint")
    if scope.service_id is not None:
        into.add(f"page_fact.service_id = {into.value(scope.service_id)}::bigint")
