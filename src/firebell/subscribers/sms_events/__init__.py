"""What providers of text messages report: receipts, and people who stop."""
