"""How far documents are: the guided step at which each stands, and the message that reminds of it (spec 11.7)."""
