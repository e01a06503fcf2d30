"""Names that tests of the seed "seven" share."""

MANAGEMENT, DELEGATED, RUNNER, MEMBER, SUSPENDED = "111111111111", "222222222222", "333333333333", "444444444444", "777777777777"


def role_arn(account: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{name}"
