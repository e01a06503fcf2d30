"""The simulated Inspector v2: `about` has what is true of it by name and number, `serving` its operations."""
