"""The signed tokens in buttons and dialogs: Mattermost does not sign what it sends.

The context of a button never leaves the server, so its token may act for whoever presses it. The state of a dialog
passes through the browser of its user, so its token acts for that user alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.errors import FirebellError
from firebell.kit.signing import Signer

BUTTON_LIFETIME = timedelta(days=90)
"""How long a button works; a message that changes gets new ones."""
DIALOG_LIFETIME = timedelta(hours=1)
_BUTTON, _DIALOG = "chat-button", "chat-dialog"
SignButton = Callable[[str, str, str], str]
"""Signs the action, the value and the confirming question of a button."""


@dataclass(frozen=True, slots=True)
class ButtonToken:
    """What a button does, and the question that is asked before it."""

    account_id: int
    action: str
    value: str
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class DialogToken:
    """A dialog that was opened for one user; `nonce` is used once."""

    account_id: int
    user: str
    dialog: str
    value: str
    nonce: str


def button_signer(signer: Signer, account_id: int, now: Callable[[], datetime]) -> SignButton:
    """Return the function that signs the buttons of an account."""

    def sign(action: str, value: str, confirm: str) -> str:
        content = {"a": account_id, "n": action, "v": value, "c": confirm}
        return signer.sign(_BUTTON, content, now() + BUTTON_LIFETIME)

    return sign


def read_button(signer: Signer, token: str, now: datetime) -> ButtonToken | None:
    """Return the content of a button, None if it is forged or expired."""
    try:
        value = signer.open(_BUTTON, token, now)
    except FirebellError:
        return None
    return ButtonToken(value["a"], value["n"], value["v"], value["c"])


def sign_dialog(signer: Signer, dialog: DialogToken, now: datetime) -> str:
    """Return the state of a dialog."""
    content = {
        "a": dialog.account_id,
        "u": dialog.user,
        "d": dialog.dialog,
        "v": dialog.value,
        "o": dialog.nonce,
    }
    return signer.sign(_DIALOG, content, now + DIALOG_LIFETIME)


def read_dialog(signer: Signer, token: str, user: str, now: datetime) -> DialogToken | None:
    """Return the content of a dialog's state, None if it is forged, expired, or another user's."""
    try:
        value = signer.open(_DIALOG, token, now)
    except FirebellError:
        return None
    dialog = DialogToken(value["a"], value["u"], value["d"], value["v"], value["o"])
    return dialog if dialog.user == user else None
