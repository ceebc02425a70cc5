"""The version of a document for customers: a text of its own, with a review and a scan for what is internal."""
