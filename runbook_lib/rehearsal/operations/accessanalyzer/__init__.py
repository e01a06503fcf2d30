"""The simulated IAM Access Analyzer: `about` has what is true of it by name and number, `serving` its operations."""
