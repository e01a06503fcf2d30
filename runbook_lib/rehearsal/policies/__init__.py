"""What IAM policies allow: documents, conditions, and the one evaluation of all policies that bear on a request.

Nothing here knows who is simulated. Whatever AWS knows and this does not (an element, an operator, a condition key) is a
`PolicyError`, never an allow and never a deny.
"""
