"""What a document consists of (pure): sections, blocks, evidence, the tree of whys and its factors."""
