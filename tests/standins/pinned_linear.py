"""What Firebell uses of Linear's GraphQL API: types, arguments and inputs as its schema has them.

Arguments and fields that Firebell does not use are left out. Descriptions are not part of it.
"""

from datetime import date
from typing import Any

from graphql import GraphQLError, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from graphql.language import OperationDefinitionNode

SOURCE = "linear/linear: packages/sdk/src/schema.graphql (MIT)"
VERSION = "commit 8335e09a17dd8aa351dace3d05a94a55e78dad2a of 2026-07-22"
READ_ON = date(2026, 11, 29)

SCHEMA = build_schema(
    """
    scalar TimelessDate
    scalar DateTimeOrDuration
    enum PaginationOrderBy { createdAt updatedAt }

    type Query {
      issue(id: String!): Issue!
      issues(
        filter: IssueFilter, first: Int, after: String, includeArchived: Boolean, orderBy: PaginationOrderBy
      ): IssueConnection!
      teams(filter: TeamFilter, first: Int, after: String): TeamConnection!
      users(filter: UserFilter, first: Int, after: String): UserConnection!
    }
    type Mutation {
      issueCreate(input: IssueCreateInput!): IssuePayload!
      issueUpdate(id: String!, input: IssueUpdateInput!): IssuePayload!
    }

    type IssuePayload { success: Boolean! issue: Issue }
    type PageInfo { hasNextPage: Boolean! endCursor: String }
    type IssueConnection { nodes: [Issue!]! pageInfo: PageInfo! }
    type TeamConnection { nodes: [Team!]! pageInfo: PageInfo! }
    type UserConnection { nodes: [User!]! pageInfo: PageInfo! }
    type WorkflowStateConnection { nodes: [WorkflowState!]! pageInfo: PageInfo! }
    type AttachmentConnection { nodes: [Attachment!]! pageInfo: PageInfo! }

    type Issue {
      id: ID! identifier: String! title: String! url: String! description: String priority: Float!
      dueDate: TimelessDate trashed: Boolean assignee: User state: WorkflowState! team: Team!
      attachments(first: Int): AttachmentConnection!
    }
    type Team { id: ID! key: String! name: String! states(first: Int): WorkflowStateConnection! }
    type WorkflowState { id: ID! name: String! type: String! position: Float! }
    type User { id: ID! name: String! displayName: String! email: String! }
    type Attachment { id: ID! url: String! title: String! sourceType: String }

    input IssueCreateInput {
      id: String teamId: String! title: String description: String assigneeId: String dueDate: TimelessDate
      priority: Int stateId: String labelIds: [String!]
    }
    input IssueUpdateInput {
      teamId: String title: String description: String assigneeId: String dueDate: TimelessDate priority: Int
      stateId: String trashed: Boolean
    }
    input StringComparator { eq: String eqIgnoreCase: String in: [String!] }
    input IDComparator { eq: ID in: [ID!] }
    input DateComparator { eq: DateTimeOrDuration gte: DateTimeOrDuration }
    input TeamFilter { id: IDComparator key: StringComparator name: StringComparator }
    input UserFilter { id: IDComparator email: StringComparator displayName: StringComparator }
    input IssueFilter { team: TeamFilter updatedAt: DateComparator }
    """
)


def wrong_call(body: Any) -> list[str]:
    """Return what is wrong with a query and its variables."""
    if not isinstance(body, dict) or set(body) != {"query", "variables"}:
        return ["the body has other fields than query and variables"]
    try:
        document = parse(body["query"])
    except GraphQLError as error:
        return [error.message]
    if errors := validate(SCHEMA, document):
        return [error.message for error in errors]
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = operation.variable_definitions or ()
    known = {each.variable.name.value for each in variables}
    values = get_variable_values(SCHEMA, variables, body["variables"])
    wrong = [error.message for error in values] if isinstance(values, list) else []
    return [*wrong, *(f"${name} is no variable" for name in sorted(set(body["variables"]) - known))]
