"""Connected accounts: their tokens, installations and connections."""
