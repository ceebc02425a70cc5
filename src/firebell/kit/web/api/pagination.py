"""Lists in parts: how many entries, after which one, and the `Link` header to the next part."""

import re
from collections.abc import Sequence
from typing import Annotated, TypeVar

from fastapi import Depends, Query, Request, Response
from pydantic import BeforeValidator, Field, WithJsonSchema

from firebell.kit.web.api.types import check_digits

_REF = re.compile(r"(?:[A-Za-z]{1,5}-)?[0-9]{1,18}")
T = TypeVar("T")


def _reference(value: object) -> int:
    if not isinstance(value, str) or not _REF.fullmatch(value):
        raise ValueError("Use the id or the reference of an entry, such as 7 or PG-7.")
    return int(value.rpartition("-")[2])


Limit = Annotated[
    int, Field(ge=1, le=500), BeforeValidator(check_digits), Query(description="maximum number of entries")
]


def link_next(request: Request, response: Response, before: object, limit: int) -> None:
    """Lead to the next stretch of a list by the answer's `Link` header."""
    url = request.url.include_query_params(before=before, limit=limit)
    response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


class Pagination:
    """One stretch of a list: at most `limit` entries after the one with the number `before`."""

    def __init__(self, request: Request, response: Response, limit: int, before: int | None) -> None:
        self._request = request
        self._response = response
        self.limit = limit
        self.before = before

    def link(self, numbers: Sequence[int]) -> None:
        """Lead to the next stretch by the answer's `Link` header when this one is full."""
        if len(numbers) == self.limit:
            link_next(self._request, self._response, numbers[-1], self.limit)

    def newest(self, found: Sequence[T], numbers: Sequence[int]) -> list[T]:
        """Return the stretch of a short list by falling number."""
        pairs = sorted(zip(numbers, range(len(found)), strict=True), reverse=True)
        kept = [(n, at) for n, at in pairs if self.before is None or n < self.before][: self.limit]
        self.link([n for n, _ in kept])
        return [found[at] for _, at in kept]


async def _paging(
    request: Request,
    response: Response,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        BeforeValidator(_reference),
        WithJsonSchema({"type": "string", "pattern": f"^{_REF.pattern}$"}),
        Query(description="continue after the entry with this id or reference: the last one that you have"),
    ] = None,
) -> Pagination:
    return Pagination(request, response, limit, before)


PageParams = Annotated[Pagination, Depends(_paging)]
