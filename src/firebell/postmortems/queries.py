"""Read models of post-mortems for the slices above."""

from firebell.postmortems.postmortem_list import queries as archive_queries

ArchivedDocument = archive_queries.ArchivedDocument
archive_period = archive_queries.archive_period
