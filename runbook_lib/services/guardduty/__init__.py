"""Amazon GuardDuty: administrator, detectors, members, protection plans, publishing frequency, export."""

from runbook_lib.services import Service
from runbook_lib.services.guardduty import assess as assessing
from runbook_lib.services.guardduty import check as checking
from runbook_lib.services.guardduty import cost as costing
from runbook_lib.services.guardduty import judge as judging
from runbook_lib.services.guardduty import observe as observing
from runbook_lib.services.guardduty import plan as planning
from runbook_lib.services.guardduty.preflight import preflight
from runbook_lib.services.guardduty.wanted import MALWARE


class GuardDuty:
    """The Service protocol for GuardDuty; each method is a function of a module of this package."""

    name = observing.SERVICE
    title = observing.DESIGNATION.title
    phase = "20_guardduty"
    principals: tuple[str, ...] = (observing.DESIGNATION.principal, MALWARE)
    reads = observing.DESIGNATION.reads | {
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
    mutations = observing.DESIGNATION.mutations | {
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
    judge = staticmethod(judging.judge)
    check = staticmethod(checking.check)
    resolve = staticmethod(checking.resolve)


SERVICE: Service = GuardDuty()
