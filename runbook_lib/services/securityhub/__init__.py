"""Security Hub CSPM."""
