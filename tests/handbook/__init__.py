"""The scripts of the handbook, run as their readers run them."""
