"""A service that the runbook does not know, brought from outside: what the next one has to bring, and nothing else.

X-Ray's encryption of traces: one aspect that no other service has, no administrator, no members, not offered in every Region.
"""
