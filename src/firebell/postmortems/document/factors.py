"""The codes of contributing factors (pure): what set an incident off, what lay in wait, what the response met, luck."""

import re

FACTORS = {
    "trigger.code": "code change",
    "trigger.config": "configuration change",
    "trigger.load": "load",
    "trigger.pipeline": "pipeline",
    "trigger.provider": "provider",
    "trigger.decay": "decay over time",
    "trigger.capacity": "capacity",
    "trigger.hardware": "hardware",
    "trigger.data": "data",
    "trigger.certificate": "certificate",
    "trigger.access": "access",
    "latent.guard": "missing guard",
    "latent.test": "test",
    "latent.review": "review",
    "latent.design": "design",
    "latent.dependency": "dependency",
    "latent.observability": "observability",
    "latent.alerting": "alerting",
    "latent.capacity_plan": "capacity planning",
    "latent.docs": "documentation",
    "latent.process": "process",
    "latent.ownership": "ownership",
    "latent.access": "access",
    "latent.training_material": "training material",
    "latent.legacy": "legacy system",
    "response.detection": "detection",
    "response.diagnosis": "diagnosis",
    "response.tooling": "tooling",
    "response.rollback": "rollback",
    "response.communication": "communication",
    "response.coordination": "coordination",
    "response.access": "access during the response",
    "response.escalation": "escalation",
    "luck.good": "good luck",
    "luck.bad": "bad luck",
}
"""The label of each factor by its code; none names a person."""
GROUPS = {
    "trigger": "What set it off",
    "latent": "What lay in wait",
    "response": "What the response met",
    "luck": "Luck",
    "x": "Of this organization",
}
_OWN = re.compile(r"x\.[a-z][a-z0-9_]{0,39}")


def is_factor(code: str) -> bool:
    """Return True for a listed code, and for one of the organization, such as `x.vendor_lock`."""
    return code in FACTORS or _OWN.fullmatch(code) is not None


def label(code: str) -> str:
    """Return the words for a code."""
    return FACTORS.get(code) or code.partition(".")[2].replace("_", " ")
