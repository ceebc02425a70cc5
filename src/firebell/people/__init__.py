"""People, teams, how each is reached, and who may do what."""
