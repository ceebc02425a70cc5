"""What sending messages adds to the product."""

from collections.abc import Mapping

from firebell.kit.slice import Composer, Slice, Subscriptions


def _composers() -> Mapping[str, Composer]:
    from firebell.notify import notices
    from firebell.notify.model import SubjectKind

    return {
        SubjectKind.NOTICE: Composer(notices.compose),
        SubjectKind.TEST: Composer(notices.compose_tests),
    }


def _subscriptions() -> Subscriptions:
    from firebell.notify import actions
    from firebell.people.model import ContactTestRequested, QuietHoursChanged

    return Subscriptions(
        must={QuietHoursChanged: (actions.release_held,)},
        then={ContactTestRequested: {"send_contact_test": actions.send_test}},
    )


SLICE = Slice("notify", composers=_composers, subscriptions=_subscriptions)
