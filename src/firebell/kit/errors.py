"""The error tree; each class maps to one HTTP status and one RFC 9457 problem type."""

from collections.abc import Mapping
from http import HTTPStatus


class FirebellError(Exception):
    """Base of every error whose message may be shown to a user.

    `command` is the terminal command that helps; only the API returns it, since the CLI reads its errors there.
    """

    status = HTTPStatus.INTERNAL_SERVER_ERROR
    code = "internal"

    def __init__(
        self, message: str, *, hint: str = "", command: str = "", fields: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.command = command
        self.fields = dict(fields or {})

    def problem(self, instance: str) -> dict[str, object]:
        """Return the RFC 9457 body for this error."""
        body: dict[str, object] = {
            "type": f"urn:firebell:problem:{self.code}",
            "title": self.status.phrase,
            "status": int(self.status),
            "detail": self.message,
            "instance": instance,
        }
        if hint := f"See '{self.command}'." if self.command else self.hint:
            body["hint"] = hint
        if self.fields:
            body["errors"] = [{"field": name, "message": text} for name, text in self.fields.items()]
        return body


class Invalid(FirebellError):  # noqa: N818 - reads as a statement where it is raised
    """The input cannot be accepted; `fields` has the message for each invalid field."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid"


class Unauthenticated(FirebellError):  # noqa: N818
    """There is no session, or the API key is unknown."""

    status = HTTPStatus.UNAUTHORIZED
    code = "unauthenticated"


class Forbidden(FirebellError):  # noqa: N818
    """The caller is known but may not do this."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"


class NotFound(FirebellError):  # noqa: N818
    """The resource does not exist."""

    status = HTTPStatus.NOT_FOUND
    code = "not-found"


class MethodNotAllowed(FirebellError):  # noqa: N818
    """The path exists but does not accept this method."""

    status = HTTPStatus.METHOD_NOT_ALLOWED
    code = "method-not-allowed"


class Gone(FirebellError):  # noqa: N818
    """The resource existed and is permanently gone."""

    status = HTTPStatus.GONE
    code = "gone"


class Conflict(FirebellError):  # noqa: N818
    """The current state does not allow this."""

    status = HTTPStatus.CONFLICT
    code = "conflict"


class TooLarge(FirebellError):  # noqa: N818
    """The body is larger than the documented limit."""

    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "too-large"


class TooMany(FirebellError):  # noqa: N818
    """Too many attempts; retry after `retry_after` seconds."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many"

    def __init__(self, message: str, *, hint: str = "", retry_after: int) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class NotInstalled(FirebellError):  # noqa: N818
    """This installation lacks an optional part that the request needs."""

    status = HTTPStatus.NOT_IMPLEMENTED
    code = "not-installed"


class Unavailable(FirebellError):  # noqa: N818
    """Nothing was stored; the client must retry after `retry_after` seconds."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"

    def __init__(self, message: str, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after

    @property
    def reason(self) -> str:
        """What happened, with the error behind it, for the log."""
        return f"{self.message} {self.__cause__!r}" if self.__cause__ else self.message


class StartupError(FirebellError):
    """The process cannot start; the message says what to do."""

    code = "startup"
