"""What an hour of people costs by team, and what the time of several teams costs."""
