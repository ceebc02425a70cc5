"""One address gets one message of a post, whatever audiences it is in (pure)."""

from collections.abc import Mapping, Sequence

from firebell.audiences.model import AudienceDefinition, Recipient


def once_each(
    audiences: Sequence[AudienceDefinition], members: Mapping[str, Sequence[Recipient]]
) -> dict[str, list[Recipient]]:
    """Return the recipients of each audience by slug; an address that is in several gets the text for customers.

    Among audiences of one kind the first one has it.
    """
    taken: set[str] = set()
    kept: dict[str, list[Recipient]] = {each.slug: [] for each in audiences}
    for audience in sorted(audiences, key=lambda each: not each.is_external):
        for recipient in members[audience.slug]:
            if recipient.address not in taken:
                taken.add(recipient.address)
                kept[audience.slug].append(recipient)
    return kept
