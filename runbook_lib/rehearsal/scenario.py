"""Scenarios: latency, limits and faults over time, as data. A seed says who is there, a scenario what happens to them.

Named ones lie in `scenario_data/*.yaml`; `every-kind.yaml` there shows and explains each key. The same scenario does the same to
the same requests each time: whatever is random is computed from `seed`.
"""

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from runbook_lib.base.documents import short
from runbook_lib.base.documents.characters import unwritable
from runbook_lib.base.documents.files import MIB
from runbook_lib.base.documents.models import modelled
from runbook_lib.base.documents.yaml_text import Form, read_yaml
from runbook_lib.rehearsal.simulated import simulated

FOLDER = Path(__file__).parent / "scenario_data"
LARGEST = MIB
LONGEST_LINE = 100_000
FORM = Form(f"Every key is shown, with its meaning, in {FOLDER / 'every-kind.yaml'}.", refused=unwritable, aliases=True)


Never = Literal["never"]
SettlePolls = Annotated[int, Field(ge=0)] | Never
SettleSeconds = Annotated[float, Field(ge=0)] | Never
"""After how many reads, or how much time, an asynchronous state settles; "never": not that way."""
N = TypeVar("N", int, float)


def unless_never(said: N | Never) -> N | None:
    """The number, or None for never."""
    return None if said == "never" else said


class Part(BaseModel):
    """Base of a scenario's sections: an unknown key is an error, and so is a number where an account id should be."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)


class Request(Part):
    """Which requests: globs, "*" for all; `mutating` true or false for only those."""

    service: str = "*"
    operation: str = "*"
    account: str = "*"
    """The account that calls."""
    region: str = "*"
    mutating: bool | None = None

    def fits(self, service: str, operation: str, account: str, region: str, *, mutating: bool) -> bool:
        """Whether a request is meant. Sessions (sts) are meant only where they are named."""
        if service == "sts" and self.service != "sts":
            return False
        pairs = ((self.service, service), (self.operation, operation), (self.account, account), (self.region, region))
        return self.mutating in (None, mutating) and all(fnmatchcase(value, glob) for glob, value in pairs)


class Fault(Part):
    """Something that befalls requests, from the `call`-th that fits (counted since `at`) and `times` of them.

    `at` and `until` are seconds of simulated time since the server started or the scenario was set. `times` null: as long as it
    lasts. `probability` below 1 lets some of them pass. `effect`: whether a failing call was carried out first.
    """

    kind: Literal["throttle", "error", "reset", "timeout", "deny", "unprocessed"]
    on: Request = Request()
    call: int = Field(default=1, ge=1)
    times: int | None = Field(default=1, ge=1)
    at: float = Field(default=0.0, ge=0)
    until: float | None = None
    probability: float = Field(default=1.0, gt=0, le=1)
    effect: Literal["before", "after"] = "before"
    status: Literal[500, 502, 503, 504] = 500
    """HTTP status of an error."""
    by: Literal["role", "policy"] = "role"
    """Who denies: the role's own permissions, or a service control policy, which spares the management account."""
    accounts: tuple[str, ...] = ("*",)
    """Globs of the accounts that a batch leaves unprocessed."""
    reason: str = ""
    """What is said about them; the service's own words for a failure of its own where nothing is given."""
    silence: float = Field(default=65.0, gt=0)
    """Seconds for which a timeout keeps a socket open; the runbook gives up after 60."""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.effect == "after" and self.kind not in ("error", "reset", "timeout"):
            raise ValueError(f"{self.kind}: AWS decides it before a call has any effect; leave `effect` out")
        return self


FIRST = simulated()[0].name
if TYPE_CHECKING:
    AdministeredName = str
    SettlingName = str
else:
    AdministeredName = Literal[tuple(each.name for each in simulated())]
    SettlingName = Literal[tuple(each.name for each in simulated() if each.settles)]


class Event(Part):
    """Something that happens once: at the `call`-th request that fits `on`, before it, or `at` a time."""

    kind: Literal["suspend-account", "close-account", "add-account", "foreign-administrator", "expire-credentials"]
    on: Request | None = None
    call: int = Field(default=1, ge=1)
    at: float | None = Field(default=None, ge=0)
    account: str = "*"
    """The account concerned; for expire-credentials a glob of the accounts whose role sessions end."""
    service: AdministeredName = FIRST
    region: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.on is None) == (self.at is None):
            raise ValueError(f"{self.kind}: say either `on` (and `call`) or `at`")
        if self.kind != "expire-credentials" and (
            len(self.account) != 12 or not (self.account.isascii() and self.account.isdecimal())
        ):
            raise ValueError(f"{self.kind}: `account` is an account id in quotes")
        if self.kind == "foreign-administrator" and not self.region:
            raise ValueError("foreign-administrator: say in which `region`")
        return self


class Latency(Part):
    """How long requests take before they are looked at; evenly spread over ± `jitter`."""

    on: Request = Request()
    milliseconds: float = Field(ge=0)
    jitter: float = Field(default=0.0, ge=0)


class Rate(Part):
    """A token bucket per account, Region and operation."""

    per_second: float = Field(gt=0)
    burst: float = Field(ge=1)


class NeverSettles(Part):
    """Members whose state stays on its way (Created, ENABLING, …) until the faults end."""

    service: SettlingName
    accounts: tuple[str, ...]


class StackFault(Part):
    """Something that befalls a CloudFormation stack: the first `times` requests to functions whose name fits a glob."""

    kind: Literal[
        "event-twice",
        "event-late",
        "answer-lost",
        "put-refused",
        "function-killed",
        "cancelled",
        "function-not-active",
        "role-not-yet",
    ]
    function: str = "*"
    times: int = Field(default=1, ge=1)
    seconds: float = Field(default=1.0, gt=0)
    """How late an event is, at which second of its work a function is killed, after how many an update is cancelled."""


class Drawn(Part):
    """Further faults and events, drawn from `seed`: `faults` of them, that concern `services` (all where none is named)."""

    faults: int = Field(ge=1, le=1000)
    services: tuple[str, ...] = ()


class Scenario(Part):
    """One scenario as its file says it. `name` is the file's."""

    name: str = ""
    seed: int = 0
    throttled: bool | None = None
    """Whether AWS's request rates are enforced; null as the seed says."""
    rates: dict[str, Rate] = {}
    """ "service:Operation" or "service:*" → another rate than AWS's."""
    latency: tuple[Latency, ...] = ()
    settle_polls: SettlePolls | None = None
    """Reads until an asynchronous state settles, whichever of these two comes first; null as the seed says."""
    settle_seconds: SettleSeconds | None = None
    """Seconds of simulated time until it does."""
    variants: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()
    events: tuple[Event, ...] = ()
    never_settle: tuple[NeverSettles, ...] = ()
    stack: tuple[StackFault, ...] = ()
    drawn: Drawn | None = None

    @model_validator(mode="after")
    def _settles(self) -> Self:
        if self.settle_polls == self.settle_seconds == "never":
            raise ValueError("settle_polls and settle_seconds are both never: nothing would ever settle; give one of them")
        return self

    @property
    def title(self) -> str:
        """How the log names it: with this a failing run is repeated."""
        more = f", {self.drawn.faults} drawn faults" if self.drawn else ""
        more += f" of {', '.join(self.drawn.services)}" if self.drawn and self.drawn.services else ""
        return f"{self.name or 'unnamed'} (seed {self.seed}{more})"


def names() -> list[str]:
    """The scenarios that come with the library."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_file: str | Path) -> Scenario:
    """The scenario of a name or a YAML file.

    Raises ValueError for an unknown name, and DocumentError (one, too) with everything that is wrong with a file.
    """
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_file) not in names():
            raise ValueError(f"no scenario is called '{short(str(name_or_file))}'; there are: {', '.join(names())}")
        path = FOLDER / f"{name_or_file}.yaml"
    document = read_yaml(path, FORM, LARGEST, LONGEST_LINE)
    return modelled(Scenario, document, str(path), {"name": path.stem, **document.values}, FORM.start)
