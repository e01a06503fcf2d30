"""AWS calls that did not succeed: one exception, AWS's error codes by what they mean, and a failed read as Unknown."""

from runbook_lib.aws.troubles import Trouble
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.observation import Unknown
from runbook_lib.services.registry import action_name

_ADVICE = "Nothing more was called. Find out why AWS refused, then run again."
_NO_KEYS = "There are no keys. Name a profile that has some; in a rehearsal set the variables that runbook simulate prints."
_NO_ANSWER = "AWS gave no answer. Correct the profile, the credentials or the network, then run again."


class CallFailed(RunbookError):
    """An AWS call that did not succeed: AWS's own error code and message, or a code of ours for what never reached AWS.

    `sent` is False when it is certain that AWS did not receive the call. `request_id` and `status` are AWS's where it answered.
    `next_step` is what to do, where more is known of that than the code tells.
    """

    def __init__(
        self, code: str, message: str, *, service: str, operation: str, account: str, region: str,
        status: int = 0, request_id: str = "", sent: bool = True, next_step: str = "",
    ) -> None:  # fmt: skip
        advice = next_step or (_ADVICE if status else _NO_KEYS if code == "NoCredentialsError" else _NO_ANSWER)
        super().__init__(f"{_call(service, operation, account, region)}: {code}: {message}", advice=advice)
        self.code, self.message = code, message
        self.service, self.operation, self.account, self.region = service, operation, account, region
        self.status, self.request_id, self.sent, self.next_step = status, request_id, sent, next_step


def _call(service: str, operation: str, account: str, region: str) -> str:
    """A call as a person reads it; whoever is not known yet, as before a door has opened, has no account to be named."""
    return f"{action_name(service, operation)}{f' as {account}' if account else ''} in {region}"


class DoorFailed(CallFailed):
    """A door that is shut for a reason on this side of AWS: no usable credentials, or no way to AWS. Says what, and what to do."""

    def __init__(self, door: str, found: Trouble, *, operation: str, account: str, region: str) -> None:
        super().__init__(
            found.code,
            found.what,
            service="sts",
            operation=operation,
            account=account,
            region=region,
            sent=False,
            next_step=found.next_step,
        )
        self.args = (f"{place_of_door(door)}{found.what}",)


def place_of_door(door: str) -> str:
    """Where in settings a door is described, to be put before what is said of it; "" for one that no settings describe."""
    return f"access.{door}: " if door else ""


THROTTLED = frozenset(
    {
        "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
        "EC2ThrottledException", "TooManyRequestsException", "RequestLimitExceeded", "LimitExceededException",
        "BandwidthLimitExceeded", "SlowDown", "PriorRequestNotComplete", "TransactionInProgressException",
        "ProvisionedThroughputExceededException",
    }
)  # fmt: skip
"""What botocore's standard retries take for throttling. LimitExceededException is Security Hub's, of quotas and of rates alike."""

CONCURRENT = frozenset({"ConcurrentModificationException"})

EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})

SERVER = frozenset(
    {"InternalException", "InternalServerException", "InternalServerErrorException", "InternalFailure", "InternalError"}
)

REFUSED_FOR_NOW = frozenset({"ServiceException", "ServiceUnavailable", "ServiceUnavailableException"})

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "NotAuthorized"})

BY_POLICY = ("with an explicit deny", "policy allows the")

TOKEN = frozenset({"UnrecognizedClientException", "InvalidClientTokenId"})

UNREACHABLE = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ConnectionError",
        "ConnectionClosedError",
        "ReadTimeoutError",
        "ProxyConnectionError",
        "SSLError",
        "HTTPClientError",
    }
)
"""Names of botocore's exceptions for a connection that was not made or did not last. A handshake that is cut is an SSLError."""

UNSENT = frozenset(
    {
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ProxyConnectionError",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ParamValidationError",
        "CredentialRetrievalError",
        "TokenRetrievalError",
        "UnauthorizedSSOTokenError",
        "SSOTokenLoadError",
    }
)
"""Names of botocore's exceptions that are raised before a request left; after any other one AWS may have received it."""


def throttled(error: CallFailed) -> bool:
    """Whether AWS refused a call for its rate: the same call goes through later."""
    return error.code in THROTTLED or error.status == 429


def passing(error: CallFailed) -> bool:
    """Whether AWS failed, or was not reached, for the moment: nothing is wrong with the call itself."""
    return error.code in SERVER | REFUSED_FOR_NOW | UNREACHABLE or error.status >= 500


def denied(error: CallFailed) -> bool:
    """Whether a policy forbids the call, which no repetition changes.

    Services refuse with the same codes whoever is not, or not yet, their administrator; IAM alone says which kind of policy it was
    (IAM User Guide, "Troubleshoot access denied error messages").
    """
    said = error.message
    return error.code in DENIED and "not authorized to perform" in said and any(each in said for each in BY_POLICY)


def has(error: CallFailed, *texts: str) -> bool:
    """Whether the message holds one of the texts, whatever the case."""
    return any(text.lower() in error.message.lower() for text in texts)


def unread(error: CallFailed) -> Unknown:
    """A failed read as Unknown, with AWS's code and words, and the next step that fits the kind of failure."""
    where = _call(error.service, error.operation, error.account, error.region)
    step = error.next_step or _next_step(error)
    return Unknown(error.code, f"{where} could not be read: {error.code}: {error.message}", step)


def _next_step(error: CallFailed) -> str:
    if error.code in TOKEN:
        return (
            f"AWS does not accept the credentials in {error.region}: see whether the Region is enabled in account {error.account} "
            "(account:ListRegions), and whether the session comes from a regional STS endpoint (tokens of the global endpoint "
            "are valid in default Regions only)."
        )
    if error.code in UNREACHABLE:
        return f"The endpoint in {error.region} was not reached: check network, proxy and DNS, then run again."
    if error.code in DENIED:
        return (
            f"Allow {action_name(error.service, error.operation)} to the role used in account {error.account}, and see whether a "
            f"service control policy (for example a Region deny) forbids it in {error.region}."
        )
    if error.code in EXPIRED:
        return "The credentials had expired: renew them and run again."
    if throttled(error) or passing(error):
        return "AWS was too busy or failed for the moment: run again."
    return f"Find out why {error.service}:{error.operation} is refused in account {error.account}, then run again."
