"""What a plan may cost: paid features × accounts × Regions, what is left of trials, and the owner's own prices. Pure.

No price stands here: AWS's depend on Region, volume and contract. Settings say what a feature costs and how much of it the owner
expects per account and month; a feature without a price is named as unknown, never as free, and a sum says how many
features it is of. An account that had a service on by itself is counted as new.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from runbook_lib.settings.prices import Price, PricesSection

Accounts = Mapping[str, frozenset[str]]
"""Region → accounts."""


@dataclass(frozen=True, slots=True)
class Paid:
    """Something AWS charges for: under which section and name settings price it, what is counted, how long it can be tried."""

    section: str
    name: str
    counts: str
    trial_days: int = 0
    """Per account and Region, as far as is known (see each service's module); 0 where none is known."""


@dataclass(frozen=True)
class Charge:
    """One paid feature and the accounts in which a plan switches it on."""

    feature: Paid
    accounts: Accounts

    @property
    def places(self) -> int:
        """How many account × Region."""
        return sum(len(accounts) for accounts in self.accounts.values())


@dataclass(frozen=True)
class Trials:
    """What AWS said about trials that had begun before: (feature, Region) → account → days left; Region → why it was not read."""

    days: Mapping[tuple[str, str], Mapping[str, int]] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One paid feature as it is shown; `monthly` is None where the price is unknown."""

    feature: str
    counts: str
    accounts: int
    regions: tuple[str, ...]
    places: int
    trial: str
    price: str
    monthly: float | None


@dataclass(frozen=True)
class Costs:
    """What a plan may cost per month once trials are over, what of it nobody priced, and what is never estimated."""

    lines: tuple[Line, ...] = ()
    currency: str = ""
    not_estimated: tuple[str, ...] = ()

    @property
    def unknown(self) -> tuple[str, ...]:
        """Features without a price."""
        return tuple(line.feature for line in self.lines if line.monthly is None)

    @property
    def words(self) -> str:
        """The sum in a few words, never without what it leaves out."""
        if not self.lines:
            return "no paid feature is switched on"
        priced = [line.monthly for line in self.lines if line.monthly is not None]
        features = f"{len(self.lines)} paid feature{'s' * (len(self.lines) != 1)}"
        if not priced:
            return f"unknown: no price in settings for any of {features}"
        total = f"{sum(priced):,.2f} {self.currency} a month after trials, by the prices in settings"
        return (
            f"{total}, for {len(priced)} of {features}; {len(self.unknown)} not priced"
            if self.unknown
            else f"{total}, for {features}"
        )


COST_COLUMNS = (
    "Paid feature",
    "What is counted",
    "Accounts",
    "Regions",
    "Accounts × Regions",
    "Trial",
    "Price",
    "A month",
)


def cost_rows(costs: Costs) -> list[tuple[str | int, ...]]:
    """One line per paid feature, for tables."""
    return [
        (
            line.feature,
            line.counts,
            line.accounts,
            ", ".join(line.regions),
            line.places,
            line.trial,
            line.price,
            "unknown" if line.monthly is None else f"{line.monthly:,.2f} {costs.currency}",
        )
        for line in costs.lines
    ]


def charge(feature: Paid, accounts: Mapping[str, Iterable[str]]) -> list[Charge]:
    """A charge for the Regions that have an account at all; none where no Region has."""
    found = {region: frozenset(named) for region, named in sorted(accounts.items()) if named}
    return [Charge(feature, found)] if found else []


def costs(charges: Sequence[Charge], trials: Trials, prices: PricesSection | None, not_estimated: Sequence[str]) -> Costs:
    """Everything there is to say about the cost of one plan."""
    lines = tuple(_line(each, trials, _price(each.feature, prices)) for each in charges)
    return Costs(lines, prices.currency if prices else "", tuple(not_estimated) if charges else ())


def _price(feature: Paid, prices: PricesSection | None) -> Price | None:
    section: Mapping[str, Price] | None = getattr(prices, feature.section, None)
    return (section or {}).get(feature.name)


def _line(each: Charge, trials: Trials, price: Price | None) -> Line:
    words = f"{price.price:g} per {price.unit} × {price.quantity:g} per account and month" if price else "unknown: not in settings"
    return Line(
        feature=f"{each.feature.section} {each.feature.name}",
        counts=each.feature.counts,
        accounts=len(frozenset[str]().union(*each.accounts.values())),
        regions=tuple(each.accounts),
        places=each.places,
        trial=_trial(each, trials),
        price=words,
        monthly=price.price * price.quantity * each.places if price else None,
    )


def _trial(each: Charge, trials: Trials) -> str:
    """What is known of trials: read where AWS said it, else expected and not confirmed."""
    read = [
        days
        for region, accounts in each.accounts.items()
        for account, days in trials.days.get((each.feature.name, region), {}).items()
        if account in accounts
    ]
    running = [days for days in read if days > 0]
    parts = []
    if running:
        parts.append(f"{_range(running)} days left in {len(running):,} account × Region")
    if over := len(read) - len(running):
        parts.append(f"over in {over:,}")
    rest = each.places - len(read)
    if rest and each.feature.trial_days:
        where = f" in {rest:,}" if read else ""
        parts.append(f"{each.feature.trial_days} days expected{where}, not confirmed")
    elif rest:
        parts.append("none known")
    failed = {region: why for region, why in trials.unread.items() if region in each.accounts}
    parts += [f"could not be read in {', '.join(sorted(failed))}: {', '.join(sorted(set(failed.values())))}"] if failed else []
    return "; ".join(parts)


def _range(days: Sequence[int]) -> str:
    return str(min(days)) if min(days) == max(days) else f"{min(days)} to {max(days)}"
