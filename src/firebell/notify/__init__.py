"""Messages to people: the queue, quiet hours, sending, and the outcome of each delivery."""
