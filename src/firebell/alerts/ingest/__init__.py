"""Ingest: from the address of an integration to the commit of a batch."""
