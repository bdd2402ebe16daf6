"""A recipe's results, pulled on demand and computed once."""
