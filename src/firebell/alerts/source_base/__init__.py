"""What the modules of `sources` build on: the declaration of a source, and its registry."""
