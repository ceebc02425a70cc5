"""Documents about several incidents: which ones, and when they are due."""
