"""The written practice in the product: chapters to read, and the templates that every text is made from."""
