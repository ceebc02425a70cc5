"""Metrics: facts about incidents and pages, and what can be learned from them."""
