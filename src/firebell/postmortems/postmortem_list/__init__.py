"""The archive of post-mortems: full text, filters and lists."""
