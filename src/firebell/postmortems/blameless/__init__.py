"""The blameless lint of post-mortems (spec 6)."""
