"""What people change about pages: acknowledgments with their links and warnings, and people who leave."""
