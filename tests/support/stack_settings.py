"""Settings by which a stack's functions can work: of the rehearsal, without profiles and with a role in the delegated account."""

import datetime as dt
import re
from pathlib import Path

from runbook_lib.settings import Settings
from runbook_lib.settings.file import parse

ROOT = Path(__file__).parents[2]
_DOORS = re.compile(r"^access:\n(?:(?:  .*)?\n)+", re.MULTILINE)


def in_a_stack(text: str) -> str:
    """The text of settings with the doors that a function in the management account has."""
    delegated = re.search(r'delegated_account: "?(\d{12})', text)
    partition = "aws-us-gov" if "us-gov-" in text else "aws"
    assert delegated
    role = f"arn:{partition}:iam::{delegated[1]}:role/RunbookDelegated"
    members = "  members:\n    role_name: RunbookMember\n    via: delegated\n" if "  members:\n" in text else ""
    return _DOORS.sub(f"access:\n  delegated:\n    role_arn: {role}\n{members}\n", text)


def in_the_delegated_account(text: str) -> str:
    """The text of settings with the doors that a function in the delegated account has."""
    management = re.search(r'management_account: "?(\d{12})', text)
    assert management
    members = "  members:\n    role_name: RunbookMember\n" if "  members:\n" in text else ""
    role = f"arn:aws:iam::{management[1]}:role/RunbookManagement"
    return _DOORS.sub(f"access:\n  management:\n    role_arn: {role}\n{members}\n", text)


def settings(text: str) -> Settings:
    return parse(text, dt.date(2026, 11, 29), "settings.yaml")


def rehearsal() -> str:
    return in_a_stack((ROOT / "parameters" / "rehearsal.yaml").read_text(encoding="utf-8"))


def everything() -> str:
    """Every service, waves, a live run."""
    text = (ROOT / "parameters" / "example.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^  profile: acme-security-runner.*\n", "", text, flags=re.MULTILINE)
    return in_a_stack(text)
