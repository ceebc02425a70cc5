"""What a meeting says about the process (pure, spec 11.7)."""

from collections.abc import Collection, Mapping, Sequence

from firebell.kit.findings import Evidence, FindingLevel, ProcessFinding
from firebell.postmortems.meeting.model import PostmortemMeeting


def findings(
    ref: str,
    meetings: Sequence[PostmortemMeeting],
    author_id: int | None,
    commander_ids: Collection[int],
    names: Mapping[int, str],
) -> list[ProcessFinding]:
    """Return a finding if the facilitator of the latest meeting wrote the document or commanded the incident."""
    held = next((one for one in meetings if one.facilitator_id and not one.not_held_reason), None)
    if held is None or held.facilitator_id is None:
        return []
    part = ""
    if held.facilitator_id in commander_ids:
        part = "commanded the incident"
    elif held.facilitator_id == author_id:
        part = "writes the document"
    if not part:
        return []
    name = names.get(held.facilitator_id, "The facilitator")
    return [
        ProcessFinding(
            "P-FACILITATOR:facilitator",
            "P-FACILITATOR",
            FindingLevel.INFO,
            f"{name} led the post-mortem meeting and {part}",
            subject=ref,
            advice="Ask someone who was not in the incident to lead the next one: they can ask simple questions.",
            evidence=(Evidence("postmortem", f"Meeting about {ref}"),),
        )
    ]
