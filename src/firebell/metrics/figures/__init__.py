"""Figures: their SQL, and totals and tables by month and by channel."""
