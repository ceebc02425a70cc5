"""The shipped audiences (pure); an organization changes them at `/settings/audiences`."""

from firebell.audiences.model import (
    AFFECTED_CUSTOMERS,
    NEVER,
    AudienceDefinition,
    AudienceKind,
    AudienceSettings,
    Cadence,
    Moment,
    Occasion,
)

COMPANY, SUPPORT, EXECUTIVES, CUSTOMERS = "company", "support", "executives", "customers"

SHIPPED = AudienceSettings(
    version=0,
    audiences=(
        AudienceDefinition(
            slug=COMPANY,
            name="Company channel",
            kind=AudienceKind.INTERNAL,
            members=(),
            cadence=(Cadence(15, 15), Cadence(30, 30), Cadence(60, 60), NEVER),
            occasions=frozenset(),
            has_end=False,
            templates={
                Moment.FIRST: "update-first",
                Moment.UPDATE: "update-progress",
                Moment.END: "update-resolved",
            },
            follows_updates=True,
        ),
        AudienceDefinition(
            slug=SUPPORT,
            name="Support",
            kind=AudienceKind.INTERNAL,
            members=("group:support",),
            cadence=(Cadence(10), Cadence(15), NEVER, NEVER),
            occasions=frozenset({Occasion.PUBLIC}),
            has_end=True,
            templates={
                Moment.FIRST: "holding-statement",
                Moment.UPDATE: "holding-statement",
                Moment.END: "all-clear",
            },
        ),
        AudienceDefinition(
            slug=EXECUTIVES,
            name="Executives",
            kind=AudienceKind.INTERNAL,
            members=("group:executives",),
            cadence=(Cadence(30, 60), Cadence(60, 60), NEVER, NEVER),
            occasions=frozenset({Occasion.DECISION, Occasion.SEVERITY}),
            has_end=True,
            templates=dict.fromkeys(Moment, "executive-brief"),
        ),
        AudienceDefinition(
            slug=CUSTOMERS,
            name="Customers of affected services",
            kind=AudienceKind.EXTERNAL,
            members=(AFFECTED_CUSTOMERS,),
            cadence=(Cadence(60, 240), Cadence(60, 240), NEVER, NEVER),
            occasions=frozenset(),
            has_end=True,
            templates={
                Moment.FIRST: "email-acknowledge",
                Moment.UPDATE: "email-update",
                Moment.END: "email-resolved",
            },
        ),
    ),
)
