"""Broadcasts: each published update, queued for its subscribers."""
