"""The first update on a status page, published by a rule when no person has (spec 7.3)."""
