"""The review of a document: who may approve which version, and its withdrawal."""
