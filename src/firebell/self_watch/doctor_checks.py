"""What `firebell doctor` says about who watches Firebell, and about findings."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.durations import duration
from firebell.kit.findings import CheckResult, FindingLevel
from firebell.kit.process_health import ProcessFinding
from firebell.self_watch import queries, rules
from firebell.self_watch.model import HeartbeatHealth, OutboundHeartbeat, ProblemKind


async def check(tx: Tx, settings: Mapping[str, str], now: datetime) -> list[CheckResult]:
    """Return a result for each outbound heartbeat, open alarm, and finding about a process or the settings."""
    state = await queries.self_watch(tx, settings, now)
    return [
        *check_heartbeats(state.heartbeats, now),
        *check_processes(state.processes),
        *(
            CheckResult("alarms", "fail", f"{rules.title(alarm)}. {rules.note(alarm, now)}")
            for alarm in state.alarms
            # a heartbeat that fails has a result of its own
            if alarm.cleared_at is None and alarm.kind is not ProblemKind.OUTBOUND
        ),
        *(
            CheckResult(
                "findings",
                "fail" if finding.level is FindingLevel.ERROR else "warn",
                f"{finding.code}: {finding.message} {finding.advice}".strip(),
            )
            for finding in state.findings
        ),
    ]


def check_heartbeats(heartbeats: Sequence[OutboundHeartbeat], now: datetime) -> list[CheckResult]:
    """Return whether anything outside notices when Firebell stops (pure)."""
    if not heartbeats:
        text = (
            "Nothing outside notices when Firebell stops. Create an outbound heartbeat at /settings/health: a second"
            " Firebell, or any service that expects a request every minute, then watches this one."
        )
        return [CheckResult("watched", "warn", text)]
    return [CheckResult("watched", *_state(heartbeat, now)) for heartbeat in heartbeats]


def check_processes(findings: Sequence[ProcessFinding]) -> list[CheckResult]:
    """Return what running processes know to be wrong with themselves; what delays pages fails (pure)."""
    return [
        CheckResult(
            "processes",
            "fail" if finding.warning.delays_pages else "warn",
            f"{finding.warning.text} {finding.note}",
        )
        for finding in findings
    ]


def _state(heartbeat: OutboundHeartbeat, now: datetime) -> tuple[str, str]:
    name = f"Outbound heartbeat {heartbeat.name}"
    match heartbeat.health:
        case HeartbeatHealth.NEW:
            return "warn", f"{name} has not been sent yet. Check that a worker is running."
        case HeartbeatHealth.WITHHELD:
            return "fail", f"{name} is withheld: {heartbeat.withheld_for}"
        case HeartbeatHealth.FAILING:
            assert heartbeat.failing_since
            since = duration(now - heartbeat.failing_since)
            return "fail", f"{name} has failed for {since}: {heartbeat.error}"
        case HeartbeatHealth.OK:
            assert heartbeat.arrived_at
            ago = now - heartbeat.arrived_at
            if ago > 3 * rules.PING_INTERVAL:
                return "fail", f"{name} was sent {duration(ago)} ago. Check that a worker is running."
            return "ok", f"{name} arrived {duration(ago)} ago."
