"""AWS Organizations: the prerequisites of every service."""
