"""Requests to buckets that speak the protocol of Amazon S3, signed by Signature Version 4 (pure).

The signature is that of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key with its secret."""

    access_key: str
    secret: str


def object_url(endpoint: str, bucket: str, key: str) -> str:
    """Return the path-style address of an object; `endpoint` is such as https://s3.eu-north-1.amazonaws.com."""
    return f"{endpoint.rstrip('/')}/{quote(bucket, safe='')}/{quote(key, safe='/')}"


def signed_headers(
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    host: str,
    region: str,
    credentials: Credentials,
    now: datetime,
) -> dict[str, str]:
    """Return the headers of a request with its signature; `url` is percent-encoded and has no query.

    `host` is the header as it is sent: in lower case, without the default port.
    """
    parts, utc = urlsplit(url), now.astimezone(UTC)
    body_hash = hashlib.sha256(body).hexdigest()
    all_headers = {
        **{name.lower(): " ".join(value.split()) for name, value in headers.items()},
        "host": host,
        "x-amz-content-sha256": body_hash,
        "x-amz-date": f"{utc:%Y%m%dT%H%M%SZ}",
    }
    names = ";".join(sorted(all_headers))
    canonical = "\n".join(
        [
            *(method, parts.path or "/", parts.query),
            *(f"{name}:{all_headers[name]}" for name in sorted(all_headers)),
            *("", names, body_hash),
        ]
    )
    scope = f"{utc:%Y%m%d}/{region}/s3/aws4_request"
    to_sign = "\n".join(
        [_ALGORITHM, all_headers["x-amz-date"], scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )
    key = f"AWS4{credentials.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{scope}"
    all_headers["authorization"] = (
        f"{_ALGORITHM} Credential={credential},SignedHeaders={names},Signature={signature}"
    )
    return all_headers
