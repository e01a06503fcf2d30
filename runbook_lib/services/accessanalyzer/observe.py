"""Reading Access Analyzer: one list in each Region and account that may have analyzers of the organization.

The list omits what an analyzer is told to look at, so the delegated account's analyzers of unused access are read one by one.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.plan import freeze
from runbook_lib.services.accessanalyzer.spec import DESIGNATION, NAME
from runbook_lib.services.accessanalyzer.state import UNUSED, Analyzer, Analyzers, Configuration, RegionState, State
from runbook_lib.services.population import Population
from runbook_lib.services.regional import observe_regions
from runbook_lib.services.view import View


def observe(view: View, reader: Reader) -> State:
    """Everything `assess` needs of Access Analyzer."""
    return observe_regions(DESIGNATION, view, reader, _region)


def _region(
    population: Population, region: str, administrators: Observation[Mapping[str, str]], acting: bool, reader: Reader
) -> RegionState:
    jobs = [partial(_own, population.delegated, region, reader), partial(_list, population.management, region, reader)]
    own, management = reader.parallel(jobs)
    return RegionState(administrators, own, management)


def _own(account: str, region: str, reader: Reader) -> Observation[Analyzers]:
    listed = _list(account, region, reader)
    if not isinstance(listed, Known):
        return listed
    return Known(tuple(_configured(each, region, reader) for each in listed.value))


def _configured(analyzer: Analyzer, region: str, reader: Reader) -> Analyzer:
    if analyzer.kind != UNUSED or analyzer.managed_by:
        return analyzer
    try:
        return replace(analyzer, configuration=Known(read_configuration(analyzer.owner, region, analyzer.name, reader)))
    except CallFailed as error:
        return replace(analyzer, configuration=unread(error))


def _list(account: str, region: str, reader: Reader) -> Observation[Analyzers]:
    try:
        return Known(read_analyzers(account, region, reader))
    except CallFailed as error:
        return unread(error)


def read_analyzers(account: str, region: str, reader: Reader) -> Analyzers:
    """An account's analyzers in a Region, by name. Raises CallFailed."""
    pages = reader.pages(NAME, "ListAnalyzers", account, region)
    found = [_analyzer(account, each) for page in pages for each in page.get("analyzers") or ()]
    return tuple(sorted(found, key=lambda each: each.name))


def _analyzer(account: str, listed: Mapping[str, Any]) -> Analyzer:
    return Analyzer(
        owner=account,
        name=listed["name"],
        kind=listed["type"],
        status=listed["status"],
        reason=str((listed.get("statusReason") or {}).get("code", "")),
        managed_by=listed.get("managedBy") or "",
    )


def read_configuration(account: str, region: str, name: str, reader: Reader) -> Configuration:
    """What an analyzer of unused access looks at. Raises CallFailed."""
    answer = reader.read(NAME, "GetAnalyzer", account, region, analyzerName=name)
    return configuration_of(answer["analyzer"].get("configuration") or {})


def configuration_of(answered: Mapping[str, Any]) -> Configuration:
    """A configuration as AWS answers it."""
    unused = answered.get("unusedAccess") or {}
    exclusions = (unused.get("analysisRule") or {}).get("exclusions") or ()
    accounts = frozenset(str(account) for each in exclusions for account in each.get("accountIds") or ())
    others = tuple(freeze(each) for each in exclusions if not each.get("accountIds"))
    return Configuration(int(unused.get("unusedAccessAge", 0)), accounts, others)
