"""Security Hub across an organization: delegated administrator, hubs, members, standards and finding aggregation.

"Security Hub" is Security Hub CSPM, the DescribeHub family of operations; the newer …V2 family is another service.
"""

from collections.abc import Sequence

from runbook_lib.base.observation import Known
from runbook_lib.services.protocol import Service
from runbook_lib.services.securityhub.assess import assess
from runbook_lib.services.securityhub.check import check, resolve
from runbook_lib.services.securityhub.cost import NOT_ESTIMATED, charges, trials
from runbook_lib.services.securityhub.inventory import written
from runbook_lib.services.securityhub.judge import judge
from runbook_lib.services.securityhub.observe import READS, foundation, observe
from runbook_lib.services.securityhub.preflight import preflight
from runbook_lib.services.securityhub.spec import DESIGNATION, NAME, TITLE
from runbook_lib.services.securityhub.state import State, on
from runbook_lib.services.securityhub.steps import MUTATIONS, plan
from runbook_lib.services.view import View


def missing(state: State, view: View) -> Sequence[str]:
    """Later phases need the administrator designated and usable, and its hub on, in every asked Region.

    AWS lets nobody else read the organization's configuration: where that was read, all of it is so.
    """
    found = []
    for region in view.population.regions:
        if isinstance(state.configurations.get(region), Known):
            continue
        found.append(f"{TITLE} has no usable delegated administrator {view.delegated} in {region}")
        if not on(state.delegated_hubs.get(region)):
            found.append(f"{TITLE} is not on in the delegated account in {region}")
    return found


class SecurityHub:
    """The Service protocol for Security Hub; each method is a function of this package."""

    name = NAME
    title = TITLE
    phase = "10_security_hub"
    principals: tuple[str, ...] = (DESIGNATION.principal,)
    reads = READS
    mutations = MUTATIONS

    preflight = staticmethod(preflight)
    observe = staticmethod(observe)
    foundation = staticmethod(foundation)
    assess = staticmethod(assess)
    plan = staticmethod(plan)
    not_estimated: tuple[str, ...] = NOT_ESTIMATED
    charges = staticmethod(charges)
    trials = staticmethod(trials)
    missing = staticmethod(missing)
    inventory = staticmethod(written)
    judge = staticmethod(judge)
    check = staticmethod(check)
    resolve = staticmethod(resolve)


SERVICE: Service = SecurityHub()
