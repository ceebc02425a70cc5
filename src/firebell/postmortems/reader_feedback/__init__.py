"""How many people read a published post-mortem, and whether it was useful to them."""
