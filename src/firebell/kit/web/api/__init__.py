"""Shared by JSON routes: validated types, pagination, problem details, and routers under `/api/v1`."""

from firebell.kit.web.api.delete_responses import Removed, UndoOffered, removed
from firebell.kit.web.api.openapi import (
    Api,
)
from firebell.kit.web.api.pagination import (
    Limit,
    PageParams,
    Pagination,
    link_next,
)
from firebell.kit.web.api.problem_details import (
    ALWAYS,
    Fault,
    Problem,
    field_error,
    problems,
    status_slug,
)
from firebell.kit.web.api.routers import (
    Ctx,
    router,
)
from firebell.kit.web.api.types import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    LocalDateTime,
    Name,
    PathId,
    QueryBool,
    ShortName,
    StrictBool,
    StrictInt,
    Text,
    TimeZone,
    check_digits,
    matching,
)

__all__ = [
    "ALWAYS",
    "Api",
    "ApiInput",
    "ApiOutput",
    "Ctx",
    "Fault",
    "Id",
    "Instant",
    "Limit",
    "LocalDateTime",
    "Name",
    "PageParams",
    "Pagination",
    "PathId",
    "Problem",
    "QueryBool",
    "Removed",
    "ShortName",
    "StrictBool",
    "StrictInt",
    "Text",
    "TimeZone",
    "UndoOffered",
    "check_digits",
    "field_error",
    "link_next",
    "matching",
    "problems",
    "removed",
    "router",
    "status_slug",
]
