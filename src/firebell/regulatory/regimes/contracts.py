"""Customer contracts as regimes with one obligation each; pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from firebell.regulatory.model import (
    AppliedRegime,
    Contract,
    FactDefinition,
    FactType,
    Limit,
    Obligation,
    Regime,
    RegimeSettings,
)


def definition(contract: Contract) -> FactDefinition:
    """Return the decision that a contract applies to an incident."""
    hint = "Firebell decides this by the severity; a person can correct it."
    return FactDefinition(
        contract.fact, FactType.DECISION, f"Contract with {contract.customer} applies?", hint
    )


def applied(contract: Contract, responsible_id: int | None) -> AppliedRegime:
    """Return a contract as a regime that is on."""
    obligation = Obligation(
        id=contract.obligation_id,
        article=contract.clause,
        title="Incident notice",
        recipient=contract.customer,
        limits=(Limit(contract.starts_on, contract.amount, contract.unit),),
        applies_if=(contract.fact,),
        checked="Entered by your organization.",
    )
    regime = Regime(
        id=contract.fact,
        name="Customer contract",
        jurisdiction="",
        scope=contract.customer,
        source="",
        version=contract.created_at.date(),
        review_by=contract.created_at.date(),
        is_on=True,
        tz=contract.tz,
        obligations=(obligation,),
    )
    return AppliedRegime(regime, RegimeSettings(is_on=True, responsible_id=responsible_id))


def matching(
    contracts: Iterable[Contract], severity: int, declared_at: datetime, decided: Sequence[str]
) -> list[Contract]:
    """Return the contracts in force since the declaration that require a notice and have no decision yet."""
    return [
        contract
        for contract in contracts
        if contract.ended_at is None
        and contract.created_at <= declared_at
        and severity <= contract.max_severity
        and contract.fact not in decided
    ]
