"""The simulated GuardDuty: `about` has what is true of it by name and number, `serving` its operations."""
