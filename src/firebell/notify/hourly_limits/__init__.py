"""The hourly limits of text messages and calls, and what admins allow beyond them."""
