"""Looking at an organization without settings, through one door: who asks, where that stands, and what can be seen from there.

Nothing is written, for no writing operation is loaded. Whom one is decides what AWS shows: the management account sees who
administers each service, an administrator sees its members, a plain member sees itself and who is above it.
"""
