"""The shipped response by severity (pure); an organization changes it at `/settings/response`."""

from firebell.response.model import (
    NEXT_TIER,
    SERVICE_TEAM,
    BusinessHours,
    Function,
    How,
    MatrixStep,
    ResponseGroup,
    ResponseSettings,
    SeverityResponse,
)


def _step(after: int, function: Function, who: str, how: How = How.PAGE) -> MatrixStep:
    return MatrixStep(after, function, how, who)


SHIPPED = ResponseSettings(
    version=0,
    hours=BusinessHours(),
    groups=dict.fromkeys(ResponseGroup, ()),
    severities=(
        SeverityResponse(
            page=(ResponseGroup.COMMANDER, ResponseGroup.ALL_HANDS, ResponseGroup.EXECUTIVES),
            customers_every=60,
            matrix=(
                _step(0, Function.SUPPORT, ResponseGroup.SUPPORT),
                _step(0, Function.SECURITY, ResponseGroup.SECURITY),
                _step(15, Function.COMMAND, NEXT_TIER),
                _step(15, Function.COMMUNICATIONS, ResponseGroup.COMMUNICATIONS),
                _step(30, Function.COMMAND, ResponseGroup.MANAGERS),
                _step(60, Function.LEGAL, ResponseGroup.LEGAL),
            ),
        ),
        SeverityResponse(
            page=(ResponseGroup.COMMANDER,),
            off_hours_levels=True,
            customers_every=60,
            matrix=(
                _step(0, Function.SUPPORT, ResponseGroup.SUPPORT, How.BRIEF),
                _step(0, Function.SECURITY, ResponseGroup.SECURITY),
                _step(30, Function.COMMAND, NEXT_TIER),
                _step(30, Function.COMMUNICATIONS, ResponseGroup.COMMUNICATIONS),
                _step(60, Function.COMMAND, ResponseGroup.MANAGERS),
                _step(60, Function.SUPPORT, ResponseGroup.SUPPORT),
                _step(60, Function.EXECUTIVES, ResponseGroup.EXECUTIVES, How.BRIEF),
                _step(120, Function.EXECUTIVES, ResponseGroup.EXECUTIVES),
                _step(120, Function.LEGAL, ResponseGroup.LEGAL, How.BRIEF),
            ),
        ),
        SeverityResponse(brief=(SERVICE_TEAM,), any_hour=False, task=True),
        SeverityResponse(any_hour=False, queue=True),
    ),
)
