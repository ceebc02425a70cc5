"""Send through the providers in their order: which one is tried, how often, and when the next one is (spec 10.6)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.channels.base import Accepted, ContentRefused, Failed, Outcome, Retry, Unsent
from firebell.channels.phone import circuit
from firebell.channels.phone.circuit import Circuit, CircuitEvent, CircuitState
from firebell.channels.phone.provider import (
    Misconfigured,
    Paused,
    Provider,
    ProviderMessage,
    ProviderOutcome,
    Unknown,
)
from firebell.kit.timing import Pace

ATTEMPTS = 2
"""Number of attempts of one provider before the next one is tried at once."""
PAUSE_S = 2.0
LOOKUP_AFTER_S = 2.0
"""Pause before a provider is asked for a message whose outcome is unknown."""


class Failover:
    """The providers of a channel in their order, with a circuit for each; a process that starts knows no failures."""

    def __init__(self, providers: Sequence[Provider], pace: Pace) -> None:
        self.providers = tuple(providers)
        self._pace = pace
        self.circuits: dict[str, Circuit] = {provider.name: Circuit() for provider in providers}

    def circuit_states(self) -> dict[str, str]:
        """Return the state of the circuit of each provider by name."""
        return {name: str(one.state) for name, one in self.circuits.items()}

    async def send(
        self, order: ProviderMessage, *, is_critical: bool, begun_since: datetime | None
    ) -> Outcome:
        """Send one message; a critical one gets one attempt of each provider, so that the next one is tried sooner.

        One that was begun before, at the earliest `begun_since`, may have arrived, so the providers are asked first.
        """
        if begun_since and (accepted := await self._known(order, begun_since)):
            return accepted
        chosen = self.in_order()
        # a provider that is skipped for a while may take it later
        is_delayed = any(self._state(p) is not CircuitState.CONFIG for p in self.providers if p not in chosen)
        attempts = 1 if is_critical or len(chosen) == 1 else ATTEMPTS
        reasons: list[str] = []
        waits: list[float] = []
        for provider in chosen:
            outcome = await self._attempts(provider, order, attempts)
            match outcome:
                case Accepted() | Failed() | Unsent():
                    return outcome
                case Retry(_, after_s):
                    waits.append(after_s or 0)
                case Unknown():
                    waits.append(0)
                case Misconfigured() | Paused() | ContentRefused():
                    pass
            reasons.append(f"{provider.name}: {outcome.reason}")
        text = "; ".join(reasons)
        if waits or is_delayed:
            return Retry(text, min(waits, default=0) or None)
        return Failed(text, suspect=False)

    def in_order(self) -> list[Provider]:
        """Return the providers to try: those whose circuit allows it, or else all, those with a refused key last."""
        now = self._pace.monotonic()
        usable = [p for p in self.providers if circuit.is_usable(self.circuits[p.name], now)]
        return usable or sorted(self.providers, key=lambda p: self._state(p) is CircuitState.CONFIG)

    def _state(self, provider: Provider) -> CircuitState:
        return self.circuits[provider.name].state

    async def _attempts(self, provider: Provider, order: ProviderMessage, attempts: int) -> ProviderOutcome:
        """Return the outcome of a provider; only one that certainly did not take the message is tried again."""
        for number in range(attempts):
            if number:
                await self._pace.sleep(PAUSE_S * self._pace.uniform(0.8, 1.2))
            outcome = await self._attempt(provider, order)
            if isinstance(outcome, Unknown):
                await self._pace.sleep(LOOKUP_AFTER_S)
                return await provider.lookup(order, order.at) or outcome
            if not isinstance(outcome, Retry) or (outcome.after_s or 0) > PAUSE_S:
                return outcome
        return outcome

    async def _attempt(self, provider: Provider, order: ProviderMessage) -> ProviderOutcome:
        now, name = self._pace.monotonic, provider.name
        self.circuits[name] = circuit.begun(self.circuits[name], now())
        outcome = await provider.send(order)
        match outcome:
            case Retry() | Unknown():
                self.circuits[name] = circuit.after(self.circuits[name], CircuitEvent.FAILURE, now())
            case Misconfigured():
                self.circuits[name] = circuit.after(self.circuits[name], CircuitEvent.MISCONFIGURED, now())
            case Paused(_, seconds):
                self.circuits[name] = circuit.paused(self.circuits[name], seconds, now())
            case Unsent():
                # this process could not send; that says nothing about the provider
                pass
            case _:
                self.circuits[name] = circuit.after(self.circuits[name], CircuitEvent.SUCCESS, now())
        return replace(outcome, provider=name) if isinstance(outcome, Accepted) else outcome

    async def _known(self, order: ProviderMessage, since: datetime) -> Accepted | None:
        for provider in self.providers:
            if accepted := await provider.lookup(order, since):
                return replace(accepted, provider=provider.name)
        return None
