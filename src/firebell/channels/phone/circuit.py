"""Whether a provider is worth an attempt: a circuit opens when it fails, and closes when it works (spec 10.6); pure.

An open circuit delays a message, it never drops one: without another provider, one whose circuit is open is tried.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

WINDOW_S = 60.0
LEAST_FAILURES = 5
"""Number of failures within the window from which a circuit opens, if they are half of the attempts."""
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 300.0
CONFIG_WAIT_S = 300.0


class CircuitState(StrEnum):
    """What is known about a provider."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"
    """One message finds out whether it works again."""
    CONFIG = "config"
    """It refused the account or its key."""
    PAUSED = "paused"
    """It asked for a longer pause, or its quota is used up."""


class CircuitEvent(StrEnum):
    """The result of an attempt, as far as it says something about the provider."""

    SUCCESS = "success"
    FAILURE = "failure"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class Circuit:
    """The state of one provider in one process; times are seconds since an arbitrary instant."""

    state: CircuitState = CircuitState.CLOSED
    until: float = 0.0
    """When it is tried again, unless it is closed."""
    wait_s: float = FIRST_WAIT_S
    attempts: tuple[tuple[float, bool], ...] = ()
    """The recent attempts while it is closed: when, and whether they succeeded."""


def is_usable(circuit: Circuit, now: float) -> bool:
    """Return True if a message may be sent now: it is closed, or it is time for one that finds out."""
    if circuit.state is CircuitState.HALF_OPEN:
        # a process that never learned the outcome must not keep it half-open for ever
        return now >= circuit.until
    return circuit.state is CircuitState.CLOSED or now >= circuit.until


def begun(circuit: Circuit, now: float) -> Circuit:
    """Return the circuit after a message began: it is half-open if this is the message that finds out."""
    if circuit.state is CircuitState.CLOSED or not is_usable(circuit, now):
        return circuit
    return replace(circuit, state=CircuitState.HALF_OPEN, until=now + FIRST_WAIT_S)


def after(circuit: Circuit, event: CircuitEvent, now: float) -> Circuit:
    """Return the circuit after the result of an attempt."""
    match event:
        case CircuitEvent.MISCONFIGURED:
            return Circuit(CircuitState.CONFIG, now + CONFIG_WAIT_S)
        case CircuitEvent.SUCCESS if circuit.state is CircuitState.CLOSED:
            return replace(circuit, attempts=_recent(circuit, True, now))
        case CircuitEvent.SUCCESS:
            return Circuit()
        case CircuitEvent.FAILURE if circuit.state is CircuitState.CLOSED:
            attempts = _recent(circuit, False, now)
            failures = sum(not succeeded for _, succeeded in attempts)
            if failures >= LEAST_FAILURES and 2 * failures >= len(attempts):
                return Circuit(CircuitState.OPEN, now + FIRST_WAIT_S)
            return replace(circuit, attempts=attempts)
        case CircuitEvent.FAILURE if circuit.state is CircuitState.HALF_OPEN:
            wait_s = min(LONGEST_WAIT_S, 2 * circuit.wait_s)
            return Circuit(CircuitState.OPEN, now + circuit.wait_s, wait_s)
        case _:
            return circuit


def paused(circuit: Circuit, seconds: float, now: float) -> Circuit:
    """Return the circuit after the provider asked for a pause."""
    if circuit.state is CircuitState.CONFIG:
        return circuit
    return Circuit(CircuitState.PAUSED, now + seconds)


def _recent(circuit: Circuit, succeeded: bool, now: float) -> tuple[tuple[float, bool], ...]:
    kept = [attempt for attempt in circuit.attempts if attempt[0] > now - WINDOW_S]
    return (*kept[-99:], (now, succeeded))
