"""The only table of "when X happened, do Y" between slices; read it to know what follows from what."""

from firebell.alerts.model import (
    ConfirmationAsked,
    GroupsAcknowledged,
    GroupsGrown,
    GroupsOpened,
    GroupsRaised,
    GroupsResolved,
    GroupsRetitled,
    SourceBroken,
)
from firebell.handoffs import notifications
from firebell.incidents.model import IncidentClosed
from firebell.kit import outbox
from firebell.kit.events import Reactions
from firebell.oncall import leaving
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.model import (
    CoverAsked,
    CoverDeclined,
    CoverLapsed,
    CoverTaken,
    ErrorsFound,
    ScheduleChanged,
    ScheduleDeleted,
    SwapDecided,
    SwapLapsed,
    SwapProposed,
)
from firebell.paging import actions as paging
from firebell.paging import subscriptions
from firebell.people.model import AccessRevoked, ContactTestRequested, PersonLeft, QuietHoursChanged
from firebell.postmortems import actions as postmortems


def build() -> Reactions:
    """Return the table: `must` in the emitter's transaction, `then` through the outbox."""
    return Reactions(
        must={
            GroupsOpened: (paging.start_groups,),
            GroupsGrown: (paging.grow_groups,),
            GroupsRetitled: (paging.retitle_groups,),
            GroupsRaised: (paging.raise_groups,),
            GroupsResolved: (paging.resolve_groups,),
            GroupsAcknowledged: (paging.acknowledge_groups,),
            AccessRevoked: (calendars.revoke_feeds,),
            PersonLeft: (leaving.withdraw, paging.release_pages, paging.void_deliveries),
            QuietHoursChanged: (paging.release_held,),
            ScheduleDeleted: (paging.refuse_schedule_deletion,),
        },
        then={
            ConfirmationAsked: ("notify_confirmation_asked",),
            ContactTestRequested: ("send_contact_test",),
            CoverAsked: ("tell_cover_asked",),
            CoverDeclined: ("tell_cover_declined",),
            CoverLapsed: ("tell_cover_lapsed",),
            CoverTaken: ("tell_cover_taken",),
            ErrorsFound: ("tell_errors_found",),
            IncidentClosed: ("draft_postmortem",),
            PersonLeft: ("look_at_shifts",),
            ScheduleChanged: ("tell_schedule_changed",),
            SourceBroken: ("tell_source_broken",),
            SwapDecided: ("tell_swap_decided",),
            SwapLapsed: ("tell_swap_lapsed",),
            SwapProposed: ("tell_swap_proposed",),
        },
    )


def outbox_handlers() -> dict[str, outbox.Handler]:
    """Return what each name in the `then` lane runs."""
    return {
        "send_contact_test": paging.send_test,
        "draft_postmortem": postmortems.draft_for,
        "notify_confirmation_asked": subscriptions.notify_owner,
        "tell_source_broken": paging.notify_source_broken,
        "tell_cover_asked": notifications.cover_asked,
        "tell_cover_declined": notifications.cover_declined,
        "tell_cover_lapsed": notifications.cover_lapsed,
        "tell_cover_taken": notifications.cover_taken,
        "tell_errors_found": notifications.errors_found,
        "tell_schedule_changed": notifications.schedule_changed,
        "tell_swap_decided": notifications.swap_decided,
        "tell_swap_lapsed": notifications.swap_lapsed,
        "tell_swap_proposed": notifications.swap_proposed,
        "look_at_shifts": leaving.tell,
    }
