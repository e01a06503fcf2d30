"""Reaching AWS: clients, credentials, endpoints, pace and pages. The only room that makes clients; it knows no service by name."""
