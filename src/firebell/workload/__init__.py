"""How much on-call people carry, and what it is paid."""
