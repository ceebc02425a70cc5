"""Read models of post-mortems for the slices above."""

from firebell.postmortems.postmortem_list import queries as list_queries

ListedDocument = list_queries.ListedDocument
postmortem_period = list_queries.postmortem_period
