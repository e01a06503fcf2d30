"""Accounts that could administer the services where none does yet, each with what speaks for it. Reads a handful of lists."""

import re
from collections.abc import Mapping

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.inventory.survey.standing import Standing
from runbook_lib.organization.reads import Asking

NEIGHBOURS: Mapping[str, str] = {
    "config.amazonaws.com": "AWS Config",
    "cloudtrail.amazonaws.com": "AWS CloudTrail",
    "detective.amazonaws.com": "Amazon Detective",
    "securitylake.amazonaws.com": "Amazon Security Lake",
    "fms.amazonaws.com": "AWS Firewall Manager",
}
"""Service principals whose delegated administrator is often the security account → the service."""
SPEAKING = re.compile(r"security|\bsec\b|audit|soc\b", re.IGNORECASE)
"""In the name of an account for security tools. A log archive is none: as few people as possible should enter it."""
MOST = 5


def candidates(standing: Standing, asking: Asking, reader: Reader) -> dict[str, str]:
    """Account → what speaks for it, the most first; at most five. Never the management account, as AWS advises."""
    reasons: dict[str, list[str]] = {}
    listed = reader.parallel([lambda principal=principal: asking.registered(principal) for principal in NEIGHBOURS])  # type: ignore[misc] # its own
    for title, found in zip(NEIGHBOURS.values(), listed, strict=True):
        for account in sorted(found.value) if isinstance(found, Known) else ():
            reasons.setdefault(account, []).append(f"administers {title} for the organization")
    for each in standing.organization.accounts.values():
        if each.active and SPEAKING.search(each.name):
            reasons.setdefault(each.id, []).append("has a name that speaks of security")
    reasons.pop(standing.organization.management_account, None)
    ordered = sorted(reasons.items(), key=lambda each: (-len(each[1]), each[0]))
    return {account: " and ".join(said) for account, said in ordered[:MOST]}
