"""Amazon Macie."""
