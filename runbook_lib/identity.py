"""Who acts, as it is written down: an e-mail address in it is replaced by a name that stays the same.

With IAM Identity Center the session's name in an ARN is the person's e-mail address. Files keep `person-…` instead: the same
person is the same text in every run and on every machine, without a key, so a verifier who is told the address can compare. For
the same reason whoever guesses an address can find out that it was this one: it keeps addresses out of files, it hides nobody.
"""

import getpass
import hashlib
import os
import re
from collections.abc import Iterable

ADDRESS = re.compile(r"[A-Za-z0-9.!#$%*+^_~-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
_PERSON = re.compile(r"\bperson-[0-9a-f]{20}\b")


def written(text: str) -> str:
    """The text as files may hold it: every e-mail address replaced."""
    return ADDRESS.sub(lambda match: _person(match.group(0)), text)


def _person(address: str) -> str:
    return f"person-{hashlib.sha256(address.lower().encode()).hexdigest()[:20]}"


def names(identities: Iterable[str]) -> frozenset[str]:
    """All names under which these identities may be met: each as it is written, and the people in it alone.

    So a trust policy may name an ARN or an address, and an address is met in the ARN of every account and role.
    """
    plain = {written(each) for each in identities}
    return frozenset(plain).union(*(_PERSON.findall(each) for each in plain))


def user() -> str:
    """The user of this system, as it is written down; containers have users without a name."""
    try:
        return written(getpass.getuser())
    except (KeyError, OSError):
        return f"user {os.getuid()}"
