"""What keeps a door shut, each as one sentence and one next step: credentials that cannot be had, and a network that leads nowhere.

botocore says such things in some thirty ways, a third of them as bare errors of Python's. One table holds them all. Nothing that a
program or a proxy printed is repeated but its first line, written as callers are: it may hold secrets.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runbook_lib.base.identity import written
from runbook_lib.base.text import visible

MOST_SKEW = 300
"""Seconds by which AWS lets a clock differ (Signature Version 4; some services allow 15 minutes)."""
LONGEST = 300
AGAIN = "then give the same command again: nothing is lost"


class CredentialsFailed(BotoCoreError):
    """No credentials could be had. A BotoCoreError, so that it passes wherever botocore asks for credentials in between."""

    fmt = "{what}"

    def __init__(self, code: str, what: str, next_step: str) -> None:
        super().__init__(what=what)
        self.code, self.what, self.next_step = code, what, next_step


@dataclass(frozen=True)
class Source:
    """Where the keys of a session are looked for: a profile that was named (None: the environment decides), and what it says."""

    profile: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """The profile's lines in AWS's configuration files."""
    environment: Mapping[str, str] = field(default_factory=dict)

    chosen: bool = True
    """Whether settings named the profile; one that a variable names gives way to keys in the environment."""

    asks: bool = True
    """Whether services are asked for keys too: container, instance, sign-in. A rehearsal asks none."""

    @property
    def words(self) -> str:
        if not self.chosen and (self.environment.get("AWS_ACCESS_KEY_ID") or self.environment.get("AWS_ACCESS_KEY")):
            return "keys in the environment" + (" (they come before AWS_PROFILE)" if self.profile else "")
        return f"profile {self.profile!r}" if self.profile else "the environment"

    @property
    def sign_in(self) -> str:
        """The command that signs in to the profile's session of IAM Identity Center."""
        session = self.config.get("sso_session")
        named = f"--sso-session {session}" if session else f"--profile {self.profile or 'default'}"
        return f"aws sso login {named}"

    @property
    def command(self) -> str:
        """The program of `credential_process`, without its arguments, which may hold secrets."""
        return str(self.config.get("credential_process", "")).strip().partition(" ")[0].strip("\"'")


@dataclass(frozen=True)
class Trouble:
    """One sentence on what is wrong, and what to do."""

    code: str
    what: str
    next_step: str


def first_line(text: str) -> str:
    """The first line that says something, without what may not be written down."""
    line = next((each.strip() for each in text.splitlines() if each.strip()), "")
    return visible(written(line))[:LONGEST]


Say = Callable[[Exception, Source], tuple[str, str]]
"""Sentence and next step."""


def trouble(error: Exception, source: Source, now: dt.datetime) -> Trouble | None:
    """What an error means that came while a door was opened; None for what AWS itself said of the call, in words of its own."""
    if isinstance(error, CredentialsFailed):
        return Trouble(error.code, error.what, error.next_step)
    if isinstance(error, ClientError):
        return _answered(error, source, now)
    name = type(error).__name__
    say = _RAISED.get(name) or next((_RAISED[each.__name__] for each in type(error).__mro__ if each.__name__ in _RAISED), _unknown)
    what, step = say(error, source)
    return Trouble(name, f"{source.words}: {what}", f"{step[0].upper()}{step[1:]}, {AGAIN}.")


# What botocore, Python, or a program raised.


def _unknown(error: Exception, source: Source) -> tuple[str, str]:
    said = first_line(str(error)) or "no reason was given"
    return f"no credentials could be had: {type(error).__name__}: {said}", "correct the profile or the environment"


def _said(step: str, what: str = "") -> Say:
    """What botocore says is a good sentence already; or `what` in its place."""
    return lambda error, source: (
        what or first_line(str(error)).rstrip("."),
        step.format(sign_in=source.sign_in, source=source.words),
    )


def _nothing(error: Exception, source: Source) -> tuple[str, str]:
    off = source.environment.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
    where = "environment and AWS's configuration files"
    if source.asks:
        where = "environment, AWS's configuration files, container" + (
            " (instance metadata is switched off by AWS_EC2_METADATA_DISABLED)" if off else " and instance metadata"
        )
    step = (
        "sign in, or name a profile that has keys in the settings (access.management.profile, access.delegated.profile); in a "
        "rehearsal set the variables that runbook simulate prints"
    )
    return f"no credentials were found; looked at {where}", step


def _config(error: Exception, source: Source) -> tuple[str, str]:
    if source.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") and not source.environment.get("AWS_ROLE_ARN"):
        return "AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not", "set AWS_ROLE_ARN to the role that takes the token"
    return first_line(str(error)).rstrip("."), "correct the profile in AWS's configuration file"


def _legacy(error: Exception, source: Source) -> tuple[str, str]:
    advice = "" if source.config.get("sso_session") else "; with an [sso-session] section it would renew itself"
    return f"the session of IAM Identity Center has ended{advice}", f"run {source.sign_in}"


def _key_missing(error: Exception, source: Source) -> tuple[str, str]:
    if "sso_session" in source.config or "sso_start_url" in source.config:
        return (
            "what is kept of the sign-in to IAM Identity Center (~/.aws/sso/cache) is damaged",
            f"delete the files there and run {source.sign_in}",
        )
    return "an answer lacks what AWS's answers have, so it did not come from AWS", _NOT_AWS


def _file(error: Exception, source: Source) -> tuple[str, str]:
    file = getattr(error, "filename", None) or ""
    token = source.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") or source.config.get("web_identity_token_file")
    if token and str(file) == token:
        return (
            f"the file with the web identity token, {file}, cannot be read: {getattr(error, 'strerror', '')}",
            "have the runner write it: permission id-token: write (GitHub), id_tokens: (GitLab), a projected volume (Kubernetes)",
        )
    return f"{file or 'a file'} cannot be read: {getattr(error, 'strerror', None) or error}", "correct the path or the file"


def _no_json(error: Exception, source: Source) -> tuple[str, str]:
    if source.command:
        return (
            f"credential_process {source.command} printed no JSON",
            "have it print credentials as AWS describes (Version 1, AccessKeyId, SecretAccessKey) and nothing else on stdout",
        )
    return _unknown(error, source)


def _retrieval(error: Exception, source: Source) -> tuple[str, str]:
    about = getattr(error, "kwargs", {})
    said = first_line(str(about.get("error_msg", error)))
    if about.get("provider") == "custom-process":
        return (
            f"credential_process {source.command} failed: {said or 'it said nothing'}",
            "correct it, or sign in where it asks for that",
        )
    return f"credentials could not be had: {said}", "correct the profile"


def _still_expired(error: Exception, source: Source) -> tuple[str, str]:
    if "expired" not in str(error):
        return _unknown(error, source)
    giver = f"credential_process {source.command} gave" if source.command else "what was given are"
    return f"{giver} credentials that have expired already", "sign in again where they come from, and compare this machine's clock"


def _login(error: Exception, source: Source) -> tuple[str, str]:
    said = first_line(str(error)).rstrip(".")
    return f"the session of aws login cannot be used: {said}", f"run aws login --profile {source.profile or 'default'}"


def _dependency(error: Exception, source: Source) -> tuple[str, str]:
    step = (
        'install it (pip install "botocore[crt]"), or give the profile credential_process = aws configure export-credentials '
        "--profile NAME --format process"
    )
    return "a session of aws login needs a library (awscrt) that is not installed", step


def _proxy(error: Exception, source: Source) -> tuple[str, str]:
    proxy = first_line(str(error)).partition('"')[2].rstrip('"')
    inner = str(getattr(error, "kwargs", {}).get("error", ""))
    if status := re.search(r"Tunnel connection failed: (\d{3})", inner):
        code = status.group(1)
        why, step = {
            "407": ("asks for a user and password (407)", "give them in HTTPS_PROXY, or use a proxy that knows this machine"),
            "403": ("does not let this machine through to AWS (403)", "have the hosts that runbook needs allowed there"),
        }.get(code, (f"refused to connect to AWS ({code})", "ask whoever runs it"))
        return f"the proxy {proxy} {why}", step
    return f"the proxy {proxy} was not reached", "correct HTTPS_PROXY, or unset it where no proxy is needed"


def _tls(error: Exception, source: Source) -> tuple[str, str]:
    bundle = next((f"{name} ({source.environment[name]})" for name in _BUNDLES if source.environment.get(name)), "")
    inner = str(getattr(error, "kwargs", {}).get("error", error))
    if bundle and re.search(r"Errno|NO_CERTIFICATE|PEM|invalid path", inner):
        return (
            f"{bundle} does not hold certificates: {first_line(inner)}",
            "name a PEM file with the certificates of your proxy and AWS",
        )
    if "certificate verify failed" in inner:
        return (
            f"the certificate of {_host(error)} is not one that this machine trusts; a proxy that looks into TLS has its own",
            "name the file with its certificate in AWS_CA_BUNDLE, or as ca_bundle in the profile (SSL_CERT_FILE is not read)",
        )
    return (
        f"no TLS connection to {_host(error)} could be made: {first_line(inner)}",
        "check the network between this machine and AWS",
    )


def _network(error: Exception, source: Source) -> tuple[str, str]:
    return f"{_host(error)} was not reached", "check network, DNS, firewall and proxy (HTTPS_PROXY)"


def _host(error: Exception) -> str:
    url = str(getattr(error, "kwargs", {}).get("endpoint_url", ""))
    found = re.search(r"https?://([^/:\"]+)", url or str(error))
    return found.group(1) if found else "the endpoint"


_BUNDLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
_NOT_AWS = "see who answers in AWS's place (a web filter, a proxy, a sign-in page), and have AWS's hosts let through unchanged"
_RAISED: Mapping[str, Say] = {
    "NoCredentialsError": _nothing,
    "PartialCredentialsError": _said("complete it"),
    "InvalidRegionError": _said("write the name of the Region without quotes"),
    "InvalidConfigError": _config,
    "InfiniteLoopConfigError": _said("let one of these profiles have keys of its own"),
    "MissingDependencyException": _dependency,
    "SSOTokenLoadError": _said("run {sign_in}", "nobody has signed in to the session of IAM Identity Center"),
    "TokenRetrievalError": _said("run {sign_in}", "the session of IAM Identity Center has ended and could not be renewed"),
    "UnauthorizedSSOTokenError": _legacy,
    "SSOError": _said("run {sign_in}"),
    "LoginError": _login,
    "CredentialRetrievalError": _retrieval,
    "KeyError": _key_missing,
    "JSONDecodeError": _no_json,
    "UnicodeDecodeError": _no_json,
    "RuntimeError": _still_expired,
    "OSError": _file,
    "ProxyConnectionError": _proxy,
    "SSLError": _tls,
    "HTTPClientError": _network,
    "ResponseParserError": lambda error, source: ("the answer is not one of AWS's", _NOT_AWS),
}
"""Class name, also of a base, to what it means."""


# What was answered.


def _answered(error: ClientError, source: Source, now: dt.datetime) -> Trouble | None:
    said, about = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    code, message, operation = said.get("Code", "Unknown"), said.get("Message", ""), error.operation_name
    found = (
        _clock(code, message, about, now)
        or _not_aws(code, about)
        or (_signed_out(code, source) if operation == "GetRoleCredentials" else None)
        or (_web_identity(code, message, source) if operation == "AssumeRoleWithWebIdentity" else None)
        or _not_taken(code)
    )
    if found is None:
        return None
    what, step = found
    return Trouble(code, f"{source.words}: {what}", f"{step[0].upper()}{step[1:]}, {AGAIN}.")


def skew(date: str, now: dt.datetime) -> float | None:
    """Seconds by which this machine's clock is ahead of the Date of an answer; None where the answer has none."""
    try:
        return (now - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return None


def skew_words(seconds: float) -> str:
    """A difference of clocks in words, such as "7 minutes ahead of"."""
    size = abs(seconds)
    said = f"{size / 60:.0f} minutes" if size >= 120 else f"{size:.0f} seconds"
    return f"{said} {'ahead of' if seconds > 0 else 'behind'}"


def _clock(code: str, message: str, about: Mapping[str, Any], now: dt.datetime) -> tuple[str, str] | None:
    """A signature from another time: AWS names the moment, not by how much the clock is wrong."""
    signed = code in ("SignatureDoesNotMatch", "InvalidSignatureException") and re.search(
        r"Signature (expired|not yet current)", message
    )
    if not signed and code != "RequestTimeTooSkewed":
        return None
    differs = skew(str(about.get("HTTPHeaders", {}).get("date", "")), now)
    how = f"is {skew_words(differs)} AWS's" if differs is not None and abs(differs) >= 1 else "differs from AWS's"
    return f"this machine's clock {how}, so AWS takes no signature", "set the clock (NTP)"


def _not_aws(code: str, about: Mapping[str, Any]) -> tuple[str, str] | None:
    headers = about.get("HTTPHeaders", {})
    if about.get("RequestId") or any(name.startswith("x-amz") for name in headers) or not (code == "Unknown" or code.isdigit()):
        return None
    return f"an answer (HTTP {about.get('HTTPStatusCode', 0)}) did not come from AWS", _NOT_AWS


def _signed_out(code: str, source: Source) -> tuple[str, str] | None:
    account, role = source.config.get("sso_account_id", ""), source.config.get("sso_role_name", "")
    if code != "ForbiddenException":
        return None
    return (
        f"the permission set {role} in account {account} is not assigned to whoever signed in",
        "have whoever administers IAM Identity Center assign it, or name another profile",
    )


def _web_identity(code: str, message: str, source: Source) -> tuple[str, str] | None:
    role = source.environment.get("AWS_ROLE_ARN") or source.config.get("role_arn", "the role")
    if code in ("ExpiredTokenException", "ExpiredToken"):
        return (
            "the web identity token of this job has expired; renewing AWS's session does not help",
            "fetch a token right before this command, in the same job",
        )
    if code in ("InvalidIdentityToken", "IDPRejectedClaim", "AccessDenied"):
        return (
            f"{role} does not take the web identity token of this job: {first_line(message)}",
            "compare iss, aud and sub of the token with the identity provider and the role's trust policy",
        )
    return None


def _not_taken(code: str) -> tuple[str, str] | None:
    """Keys that were found, and are no good (STS API Reference, common errors)."""
    if code in ("ExpiredToken", "ExpiredTokenException"):
        return "the credentials that were found there have expired", "sign in again where they come from"
    if code in ("InvalidClientTokenId", "UnrecognizedClientException"):
        return (
            "AWS does not know the access key that was found there",
            "see that it was not deleted or switched off, and belongs to this partition",
        )
    if code == "SignatureDoesNotMatch":
        return "AWS does not take the secret key that was found there", "copy the secret access key again"
    return None
