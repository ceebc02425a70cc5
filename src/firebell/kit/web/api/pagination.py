"""Pagination of lists: a limit, a cursor, and the `Link` header to the next page."""

import re
from collections.abc import Sequence
from typing import Annotated, TypeVar
from urllib.parse import quote

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
    """Set the response's `Link` header to the next page of a list."""
    url = request.url.include_query_params(before=before, limit=limit)
    # a slug can be in any script, but a header holds only ASCII
    response.headers["Link"] = f'<{quote(url.path)}?{url.query}>; rel="next"'


class Pagination:
    """One page of a list: at most `limit` entries with a number below `before`."""

    def __init__(self, request: Request, response: Response, limit: int, before: int | None) -> None:
        self._request = request
        self._response = response
        self.limit = limit
        self.before = before

    def link(self, numbers: Sequence[int]) -> None:
        """Set the response's `Link` header to the next page if this one is full."""
        if len(numbers) == self.limit:
            link_next(self._request, self._response, numbers[-1], self.limit)

    def link_after(self, number: int | None) -> None:
        """Set the response's `Link` header to the page after this entry, if there is one."""
        if number is not None:
            link_next(self._request, self._response, number, self.limit)

    def newest(self, entries: Sequence[T], numbers: Sequence[int]) -> list[T]:
        """Return one page of an in-memory list, highest number first."""
        pairs = sorted(zip(numbers, range(len(entries)), strict=True), reverse=True)
        kept = [(n, at) for n, at in pairs if self.before is None or n < self.before][: self.limit]
        self.link([n for n, _ in kept])
        return [entries[at] for _, at in kept]

    def ordered(self, entries: Sequence[T], numbers: Sequence[int]) -> list[T]:
        """Return one page of an in-memory list in its own order; from its start if the last entry is gone."""
        start = numbers.index(self.before) + 1 if self.before in numbers else 0
        self.link(numbers[start : start + self.limit])
        return list(entries[start : start + self.limit])


async def _paging(
    request: Request,
    response: Response,
    limit: Limit = 100,
    before: Annotated[
        int | None,
        BeforeValidator(_reference),
        WithJsonSchema({"type": "string", "pattern": f"^{_REF.pattern}$"}),
        Query(
            description="continue after the entry with this id or reference: the last one of the previous page"
        ),
    ] = None,
) -> Pagination:
    return Pagination(request, response, limit, before)


PageParams = Annotated[Pagination, Depends(_paging)]
