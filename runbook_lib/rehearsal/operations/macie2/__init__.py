"""The simulated Amazon Macie: `about` has what is true of it by name and number, `serving` its operations."""
