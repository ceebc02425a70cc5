"""Services that teams own."""
