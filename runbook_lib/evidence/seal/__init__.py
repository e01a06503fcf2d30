"""Sealing a run: statement, envelope, keys, and the numbered chain of an organization."""
