"""What an auditor does, offline and reading only: verify, recompute, redact, export, hold against CloudTrail and scanners."""
