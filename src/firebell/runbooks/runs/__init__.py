"""Runs of runbooks: what people and their terminals did, step by step."""
