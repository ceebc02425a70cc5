"""What incidents cost the business besides people's time, as managers enter it with its source."""
