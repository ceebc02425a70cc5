"""A believable organization with a year behind it, made by the product's own actions."""
