"""What providers report about messages, and what follows from a failure."""
