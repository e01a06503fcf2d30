"""Amazon GuardDuty: administrator, detectors, members, protection plans, publishing frequency, export."""

from runbook_lib.services.guardduty import assess as assessing
from runbook_lib.services.guardduty import check as checking
from runbook_lib.services.guardduty import cost as costing
from runbook_lib.services.guardduty import judge as judging
from runbook_lib.services.guardduty import observe as observing
from runbook_lib.services.guardduty import plan as planning
from runbook_lib.services.guardduty.inventory import written
from runbook_lib.services.guardduty.preflight import preflight
from runbook_lib.services.guardduty.spec import DESIGNATION, MALWARE_PROTECTION, NAME, TITLE
from runbook_lib.services.protocol import Service


class GuardDuty:
    """The Service protocol for GuardDuty; each method is a function of a module of this package."""

    name = NAME
    title = TITLE
    phase = "20_guardduty"
    principals: tuple[str, ...] = (DESIGNATION.principal, MALWARE_PROTECTION)
    reads = DESIGNATION.reads | {
        "guardduty:DescribeOrganizationConfiguration",
        "guardduty:DescribePublishingDestination",
        "guardduty:GetDetector",
        "guardduty:GetMemberDetectors",
        "guardduty:GetMembers",
        "guardduty:GetRemainingFreeTrialDays",
        "guardduty:ListDetectors",
        "guardduty:ListMembers",
        "guardduty:ListPublishingDestinations",
    }
    mutations = DESIGNATION.mutations | {
        "guardduty:CreateDetector",
        "guardduty:CreateMembers",
        "guardduty:CreatePublishingDestination",
        "guardduty:StartMonitoringMembers",
        "guardduty:UpdateDetector",
        "guardduty:UpdateMemberDetectors",
        "guardduty:UpdateOrganizationConfiguration",
    }

    preflight = staticmethod(preflight)
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
    resolve = staticmethod(checking.resolve)


SERVICE: Service = GuardDuty()
