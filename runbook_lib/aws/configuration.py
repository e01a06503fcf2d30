"""What is wrong with AWS's own configuration, said with file, line and advice.

botocore names the file at most. Lines are never repeated: a credentials file holds secrets.
"""

import configparser
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from botocore.exceptions import ConfigParseError, ProfileNotFound
from botocore.session import Session

from runbook_lib.aws.credentials import AccessRefused
from runbook_lib.base.documents import DocumentError
from runbook_lib.base.documents.characters import shown
from runbook_lib.base.documents.files import MIB, read_bytes
from runbook_lib.base.project import resolve

PROFILE_VARIABLES = ("AWS_DEFAULT_PROFILE", "AWS_PROFILE")
"""In the order in which botocore looks at them."""
LARGEST = 4 * MIB
LONGEST_LINE = 10_000
FILES = {"AWS_CONFIG_FILE": "~/.aws/config", "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials"}


class BadConfiguration(AccessRefused):
    """AWS's configuration files, or the variables that choose among them, cannot be used as they are."""


@contextmanager
def configured(profile: str | None) -> Iterator[None]:
    """Turn what botocore raises when it reads the configuration for a profile of settings (None: the environment's) into advice."""
    _refuse_endless(os.environ)
    try:
        yield
    except ConfigParseError as error:
        file = Path(error.kwargs["path"])
        raise BadConfiguration(f"{file}{_damage(file)}; AWS's configuration cannot be read until this is mended") from None
    except ProfileNotFound as error:
        raise BadConfiguration(_missing(str(error.kwargs["profile"]), profile, os.environ)) from None


def configured_region(profile: str | None) -> str:
    """The Region that a profile (None: the environment's) or the environment names, "" where none does. Raises BadConfiguration."""
    with configured(profile):
        return str(Session(profile=profile).get_config_variable("region") or "")


def certificates(named: str) -> str:
    """The file of certificates that settings name (network.ca_bundle). Raises BadConfiguration where it holds none."""
    file = resolve(named)
    try:
        data = read_bytes(file, LARGEST)
    except DocumentError as error:
        raise BadConfiguration(f"network.ca_bundle: {error}") from None
    if b"-----BEGIN CERTIFICATE-----" not in data:
        raise BadConfiguration(
            f"network.ca_bundle: {file} holds no certificate; name a PEM file with those of your proxy and of AWS"
        )
    return str(file)


def _refuse_endless(environment: Mapping[str, str]) -> None:
    """Refuse files with which botocore would not end: Python's parser takes quadratic time for a line.

    A pipe is left to botocore: it can be read once.
    """
    for file in (Path(environment.get(variable) or usual).expanduser() for variable, usual in FILES.items()):
        if not file.is_file():
            continue
        try:
            data = read_bytes(file, LARGEST)
        except DocumentError as error:
            raise BadConfiguration(str(error)) from None
        for number, line in enumerate(data.split(b"\n"), start=1):
            if len(line) > LONGEST_LINE:
                raise BadConfiguration(
                    f"{file}, line {number}: the line has {len(line):,} characters; nothing of AWS has, so mend it"
                )


def _missing(name: str, profile: str | None, environment: Mapping[str, str]) -> str:
    where = " or ".join(environment.get(variable) or usual for variable, usual in FILES.items())
    if profile is not None:
        return f"AWS profile {name!r}, which the settings name, is not in {where}; add it there, or name another in the settings"
    variable = next((each for each in PROFILE_VARIABLES if environment.get(each) == name), PROFILE_VARIABLES[-1])
    return (
        f"{variable} is set to {name!r} in the environment, and no such profile is in {where}; unset it or correct it "
        "(profiles that settings name need no such variable)"
    )


def _damage(file: Path) -> str:
    """Place and kind of what a configuration file cannot be read for."""
    try:
        data = read_bytes(file, LARGEST)
    except DocumentError as error:
        return f": {error.findings[0].message}"
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        return ": it begins with a byte order mark, as some editors write; save it as UTF-8 without one"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return f", line {line}: byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
    return _unparsed(text)


def _unparsed(text: str) -> str:
    parser = configparser.RawConfigParser(default_section="")
    try:
        parser.read_string(text)
    except configparser.DuplicateSectionError as error:
        return f", line {error.lineno}: section [{shown(str(error.section))}] is there twice; make one of the two"
    except configparser.DuplicateOptionError as error:
        option, section = shown(error.option), shown(str(error.section))
        return f", line {error.lineno}: {option} is set twice in section [{section}]; leave one of the two"
    except configparser.MissingSectionHeaderError as error:
        return f", line {error.lineno}: settings before the first section; a line such as [default] or [profile NAME] comes first"
    except configparser.ParsingError as error:
        return f", line {error.errors[0][0]}: neither a section such as [profile NAME] nor NAME = VALUE"
    return ": indented lines are NAME = VALUE below a line that ends with =, and one of them is not"
