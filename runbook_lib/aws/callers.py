"""Who a door turned out to lead to: what kind of caller, by what credentials, until when, and whether that is fit to be used."""

import datetime as dt
import re
from dataclasses import dataclass

from runbook_lib.aws.troubles import skew_words
from runbook_lib.base.identity import written

NOTED_SKEW = 60
"""Seconds from which a difference between this machine's clock and AWS's is said; AWS refuses signatures from 300 on."""
METHODS = {
    "env": "keys in the environment",
    "shared-credentials-file": "keys in the credentials file",
    "config-file": "keys in the configuration file",
    "sso": "a session of IAM Identity Center",
    "login": "a session of aws login",
    "custom-process": "credential_process",
    "assume-role": "a role that the profile assumes",
    "assume-role-with-web-identity": "a web identity token",
    "container-role": "the container's role",
    "iam-role": "the instance's role",
}
"""What botocore calls its ways to credentials → words."""


@dataclass(frozen=True)
class Kind:
    """A kind of caller: its words, and why it is not to be used ("" where it may be)."""

    words: str
    refused: str = ""
    advice: str = ""
    remark: str = ""


def kind_of(arn: str) -> Kind:
    """What an ARN of GetCallerIdentity says of the caller (IAM User Guide, "IAM identifiers"; STS API Reference)."""
    what = arn.split(":", 5)[5] if arn.count(":") >= 5 else arn
    if what == "root" or what.startswith("assumed-root"):
        return Kind("the root user", "is the account's root user, which no work may be done as", "Use a role instead")
    if what.startswith("federated-user/"):
        return Kind(
            "a federated user", "is a session of GetFederationToken, which may call neither IAM nor STS", "Assume a role instead"
        )
    if what.startswith("user/"):
        return Kind("an IAM user", remark="a key that does not end by itself; a role would be safer")
    if found := re.match(r"assumed-role/AWSReservedSSO_(.+)_[0-9a-f]{16}/", what):
        return Kind(f"permission set {found.group(1)}")
    if what.startswith("assumed-role/"):
        return Kind(f"role {what.split('/')[1]}")
    return Kind("a caller of unknown kind")


@dataclass(frozen=True)
class Card:
    """One door that is open."""

    door: str
    account: str
    arn: str
    """As it came; `written` before it is kept or shown."""
    source: str
    """How its credentials were found."""
    until: dt.datetime | None
    """When they end; None where that is not known. Those of a role, and whatever botocore can renew, are renewed in time."""
    skew: float | None = None
    """Seconds by which this machine's clock is ahead of AWS's."""

    @property
    def kind(self) -> Kind:
        return kind_of(self.arn)

    @property
    def lasts(self) -> str:
        return f"session until {self.until:%H:%M} UTC, renewed in time" if self.until else "for as long as these credentials last"

    @property
    def words(self) -> str:
        """In one line, with everything that is worth a remark."""
        remarks = [self.kind.remark] if self.kind.remark else []
        if self.skew is not None and abs(self.skew) >= NOTED_SKEW:
            remarks.append(f"this machine's clock is {skew_words(self.skew)} AWS's")
        end = f" ({'; '.join(remarks)})" if remarks else ""
        return f"{self.door} {self.account}: {self.kind.words}, by {self.source}, {self.lasts}: {written(self.arn)}{end}"
