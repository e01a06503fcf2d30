"""Who acts, as it is written down: an e-mail address in it, or a credential, is replaced by a name that stays the same.

With IAM Identity Center the session's name in an ARN is the person's e-mail address. Files keep `person-…` instead: the same
person is the same text in every run and on every machine, without a key, so a verifier who is told the address can compare. For
the same reason whoever guesses an address can find out that it was this one: it keeps addresses out of files, it hides nobody.
"""

import hashlib
import os
import pwd
import re
from collections.abc import Iterable
from dataclasses import dataclass

from runbook_lib.base.privacy import LOGIN, Rule, masked

_AT = re.compile(r"%(?:25)*40|[\uff20\ufe6b]")
_PERSON = re.compile(r"\bperson-[0-9a-f]{20}\b")


def written(text: str) -> str:
    """The text as files may hold it: every e-mail address and every credential replaced."""
    return masked(LOGIN.sub(lambda match: _person(match.group(0)), text), _named)


def _named(rule: Rule, value: str) -> str:
    """In place of what no ARN should hold, without a space. Users may be called like keys, so two keys stay two.

    A password is told apart from no other: its digest could be guessed.
    """
    if rule.mark == "secret":
        return "[secret]"
    return f"hidden-{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:20]}"


def _person(address: str) -> str:
    if address.startswith("*") and not _AT.sub("@", address).partition("@")[0].strip("*"):
        return address  # nobody's: what is before a host has been masked already, as botocore does with a proxy's user
    said = _AT.sub("@", address).lower().encode("utf-8", "replace")
    return f"person-{hashlib.sha256(said).hexdigest()[:20]}"


def names(identities: Iterable[str]) -> frozenset[str]:
    """All names under which these identities may be met: each as it is written, and the people in it alone.

    So a trust policy may name an ARN or an address, and an address is met in the ARN of every account and role.
    """
    plain = {written(each) for each in identities}
    return frozenset(plain).union(*(_PERSON.findall(each) for each in plain))


@dataclass(frozen=True)
class SystemUser:
    """Whom this machine's kernel runs the process for: the name in the account database, as it is written down, and the uid."""

    name: str
    uid: int

    @classmethod
    def read(cls, said: object) -> "SystemUser":
        """A user as files say it: an object with `name` and `uid`. Raises ValueError."""
        if isinstance(said, dict) and said.keys() == {"name", "uid"}:
            name, uid = said["name"], said["uid"]
            if isinstance(name, str) and name.isprintable() and name and type(uid) is int and uid >= 0:
                return cls(name, uid)
        raise ValueError("is not a user: an object with name (text) and uid (a number) is expected")

    @property
    def identities(self) -> frozenset[str]:
        """The names under which a trust policy may name this user."""
        return frozenset({self.name, _nameless(self.uid)})


def system_user() -> SystemUser:
    """The user of this process. Never what LOGNAME or USER say: whoever types a command sets them as he likes.

    A uid that the account database has no entry for, as in many containers, is called `user 1000`.
    """
    uid = os.getuid()
    try:
        return SystemUser(written(pwd.getpwuid(uid).pw_name), uid)
    except KeyError:
        return SystemUser(_nameless(uid), uid)


def user() -> str:
    """The name of the user of this process, as it is written down."""
    return system_user().name


def _nameless(uid: int) -> str:
    return f"user {uid}"
