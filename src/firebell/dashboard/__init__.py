"""The home page: what is on fire, who is on call, and what you owe."""
