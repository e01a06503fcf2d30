"""Names in GuardDuty's section of settings are those of its service model."""

from typing import get_args

from service_models import accepted, listed

from runbook_lib.settings.sections.guardduty import AGENTS_OF, GuardDutyAgentName, GuardDutyFeatureName, GuardDutySection


def test_names_are_those_of_the_service_model() -> None:
    assert set(get_args(GuardDutyFeatureName)) == listed("guardduty", "OrgFeature")
    agents = listed("guardduty", "OrgFeatureAdditionalConfiguration")
    assert set(get_args(GuardDutyAgentName)) == agents
    assert {agent for each in AGENTS_OF.values() for agent in each} == agents
    assert set(AGENTS_OF) <= listed("guardduty", "OrgFeature")
    assert accepted(GuardDutySection, "publishing_frequency") == listed("guardduty", "FindingPublishingFrequency")
    assert accepted(GuardDutySection, "auto_enable") == listed("guardduty", "AutoEnableMembers")
