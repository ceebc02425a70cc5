"""Addresses that are stored encrypted: `kind://` and a part that only this installation can read.

The same address always has the same sealed form, so that a person cannot add it twice.
"""

import base64
import binascii

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from firebell.kit.errors import Invalid
from firebell.kit.signing import Signer

_PURPOSE = "contact_method.address"


def seal(signer: Signer, address: str) -> str:
    """Return the sealed form of an address, which shows its kind and about how long it is."""
    sealed = _cipher(signer).encrypt(address.encode(), [_PURPOSE.encode()])
    return f"{_kind(address)}://{base64.urlsafe_b64encode(sealed).rstrip(b'=').decode()}"


def open_sealed(signer: Signer, stored: str) -> str:
    """Return the address; raise `Invalid` if another installation sealed it, or if it was changed."""
    _, _, text = stored.partition("://")
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return _cipher(signer).decrypt(sealed, [_PURPOSE.encode()]).decode()
    except (InvalidTag, binascii.Error, ValueError) as exc:
        raise Invalid("The stored address cannot be read.", hint="Add it again.") from exc


def shown(address: str) -> str:
    """Return the kind of an address, the only part that is ever shown."""
    return f"{_kind(address)}://…"


def _kind(address: str) -> str:
    return address.partition("://")[0]


def _cipher(signer: Signer) -> AESSIV:
    return AESSIV(signer.seed(_PURPOSE))
