"""Amazon Inspector: administrator, members, scan types, auto-enable, EC2 scan mode, ECR re-scan duration."""

from collections.abc import Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.organization import Organization
from runbook_lib.plan import Reference, Scope
from runbook_lib.services.inspector2 import assess as assessing
from runbook_lib.services.inspector2 import check as checking
from runbook_lib.services.inspector2 import cost as costing
from runbook_lib.services.inspector2 import judge as judging
from runbook_lib.services.inspector2 import observe as observing
from runbook_lib.services.inspector2 import plan as planning
from runbook_lib.services.inspector2.inventory import written
from runbook_lib.services.inspector2.spec import DESIGNATION, NAME, TITLE
from runbook_lib.services.protocol import Service
from runbook_lib.services.remarks import Remark
from runbook_lib.settings import Settings


class Inspector:
    """The Service protocol for Inspector; each method is a function of a module of this package."""

    name = NAME
    title = TITLE
    phase = "30_inspector"
    principals: tuple[str, ...] = (DESIGNATION.principal,)
    reads = DESIGNATION.reads | {
        "inspector2:BatchGetAccountStatus",
        "inspector2:BatchGetFreeTrialInfo",
        "inspector2:DescribeOrganizationConfiguration",
        "inspector2:GetConfiguration",
        "inspector2:ListMembers",
    }
    mutations = DESIGNATION.mutations | {
        "inspector2:AssociateMember",
        "inspector2:Enable",
        "inspector2:UpdateConfiguration",
        "inspector2:UpdateOrganizationConfiguration",
    }

    observe = staticmethod(observing.observe)
    assess = staticmethod(assessing.assess)
    plan = staticmethod(planning.plan)
    not_estimated: tuple[str, ...] = costing.NOT_ESTIMATED
    charges = staticmethod(costing.charges)
    trials = staticmethod(costing.trials)
    foundation = staticmethod(observing.observe)
    missing = staticmethod(assessing.missing)
    inventory = staticmethod(written)
    judge = staticmethod(judging.judge)
    check = staticmethod(checking.check)

    def preflight(self, organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
        """Settings name nothing of Inspector that only AWS knows."""
        return ()

    def resolve(self, reference: Reference, reader: Reader) -> str:
        """Inspector's calls need no identifier that AWS assigns."""
        raise ValueError(f"{self.name} knows no reference of kind {reference.kind!r}")


SERVICE: Service = Inspector()
