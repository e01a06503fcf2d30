"""Calls of Inspector that a line of the AWS CLI has to say."""

import value_samples as samples

from runbook_lib.plan import ACCOUNT_ID, ForEach

CALLS = [
    samples.action(
        "UpdateOrganizationConfiguration", {"autoEnable": {"ec2": True, "ecr": True, "lambda": False}}, service="inspector2"
    ),
    samples.action(
        "Enable",
        {"accountIds": ForEach(ACCOUNT_ID), "resourceTypes": ["EC2", "ECR"]},
        service="inspector2",
        targets=samples.MEMBERS,
    ),
    samples.action("AssociateMember", {"accountId": ACCOUNT_ID}, service="inspector2", targets=samples.MEMBERS[:1]),
]
