"""Settings for an organization that has none yet: what exists, written so that their plan calls nothing.

Everything is looked at as if settings asked for it; then whatever a plan would change is taken out again, and said in a comment.
"""
