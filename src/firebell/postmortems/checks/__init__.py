"""The process checks of post-mortems, P-* (spec 4.4, 11.5)."""
