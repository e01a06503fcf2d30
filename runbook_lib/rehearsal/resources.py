"""What runs in the simulated accounts, as far as services tell of it: instances, clusters, images and functions.

There is none unless a seed says so. Whether a service watches one depends on its switches, and on what the seed says is the matter.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Resource:
    """One resource; `not_monitored` and `not_scanned` are why GuardDuty's and Inspector's coverage leaves it out, if they do."""

    id: str
    kind: str
    account: str
    region: str
    not_monitored: str = ""
    not_scanned: str = ""
