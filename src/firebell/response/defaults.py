"""The shipped response by severity (pure); an organization changes it at `/settings/response`."""

from firebell.response.model import (
    NEXT_TIER,
    SERVICE_TEAM,
    BusinessHours,
    Function,
    Group,
    How,
    MatrixStep,
    ResponseSettings,
    SeverityResponse,
)


def _step(after: int, function: Function, who: str, how: How = How.PAGE) -> MatrixStep:
    return MatrixStep(after, function, how, who)


SHIPPED = ResponseSettings(
    version=0,
    hours=BusinessHours(),
    groups=dict.fromkeys(Group, ()),
    severities=(
        SeverityResponse(
            page=(Group.COMMANDER, Group.ALL_HANDS, Group.EXECUTIVES),
            customers_every=60,
            matrix=(
                _step(0, Function.SUPPORT, Group.SUPPORT),
                _step(0, Function.SECURITY, Group.SECURITY),
                _step(15, Function.COMMAND, NEXT_TIER),
                _step(15, Function.COMMUNICATIONS, Group.COMMUNICATIONS),
                _step(30, Function.COMMAND, Group.MANAGERS),
                _step(60, Function.LEGAL, Group.LEGAL),
            ),
        ),
        SeverityResponse(
            page=(Group.COMMANDER,),
            off_hours_levels=True,
            customers_every=60,
            matrix=(
                _step(0, Function.SUPPORT, Group.SUPPORT, How.BRIEF),
                _step(0, Function.SECURITY, Group.SECURITY),
                _step(30, Function.COMMAND, NEXT_TIER),
                _step(30, Function.COMMUNICATIONS, Group.COMMUNICATIONS),
                _step(60, Function.COMMAND, Group.MANAGERS),
                _step(60, Function.SUPPORT, Group.SUPPORT),
                _step(60, Function.EXECUTIVES, Group.EXECUTIVES, How.BRIEF),
                _step(120, Function.EXECUTIVES, Group.EXECUTIVES),
                _step(120, Function.LEGAL, Group.LEGAL, How.BRIEF),
            ),
        ),
        SeverityResponse(brief=(SERVICE_TEAM,), any_hour=False, task=True),
        SeverityResponse(any_hour=False, queue=True),
    ),
)
