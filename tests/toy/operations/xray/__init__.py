"""The simulated X-Ray."""
