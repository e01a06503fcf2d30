"""What AWS's own Automation documents mend: which findings, what they are given, and how one sees on the resource that they did.

A document's own word proves nothing: one that ends with Success may have changed nothing. So each remedy has a look of its own,
made by the workflow's role, and a finding is set to its status only where that look shows that the cause is gone.

Sources: AWS's Automation runbook reference for parameters and permissions [docs]; resource types and ids as Security Hub writes
them [docs: ASFF].
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from runbook_lib.aws.reader import Reader
from runbook_lib.plan import BackOut
from runbook_lib.services.response import looking
from runbook_lib.services.response.looking import Resource, Seen

Given = Mapping[str, tuple[str, ...]]
"""Parameters of a document, each a list of texts, as Automation takes them."""
START = "StartAutomationExecution"


@dataclass(frozen=True)
class Grant:
    """What a document does in the name of its role. `resources` are ARNs; PARTITION and ACCOUNT stand for the account's own."""

    actions: tuple[str, ...]
    resources: tuple[str, ...] = ("*",)


@dataclass(frozen=True)
class Remedy:
    """One document."""

    document: str
    kinds: Mapping[str, str]
    """Resource type of a finding → regular expression of the resource's id there, with what the document is given as its group."""
    takes: str
    """The parameter that names the resource."""
    becomes: str
    breaks: str
    """What may stop working by it."""
    look: Callable[[Resource, Reader], Seen]
    back: Callable[[Given, Seen], BackOut]
    """The way back, from what it is given and what was there before."""
    reads: frozenset[str]
    grants: tuple[Grant, ...]
    controls: frozenset[str] = frozenset()
    """Controls that it answers; none: findings of any product about such a resource, which it contains."""
    fixed: Mapping[str, str] = field(default_factory=dict)
    asks: tuple[str, ...] = ()
    """Parameters that the workflow has to say."""
    longest: int = 900
    """Seconds that an execution is waited for."""

    @property
    def contains(self) -> bool:
        """Whether it contains something that happens, and mends no setting."""
        return not self.controls

    def named(self, kind: str, identity: str) -> str:
        """What the document is given of a finding's resource; "" where it is not about such a one."""
        pattern = self.kinds.get(kind)
        found = re.fullmatch(pattern, identity) if pattern else None
        return found[1] if found else ""


BUCKET = "AWSConfigRemediation-ConfigureS3BucketPublicAccessBlock"
PORTS = "AWS-DisablePublicAccessForSecurityGroup"
ROTATION = "AWSConfigRemediation-EnableKeyRotation"
INSTANCE, PRINCIPAL = "AWSSupport-ContainEC2Instance", "AWSSupport-ContainIAMPrincipal"
STOP = "AWS-StopEC2InstanceWithApproval"
ASKED = 3600
"""Seconds for which people's approval inside a document is waited for; AWS waits for 7 days [docs]."""


def _again(document: str, why: str, **changes: str) -> Callable[[Given, Seen], BackOut]:
    """A way back by the same document, with other parameters."""

    def back(given: Given, _: Seen) -> BackOut:
        return BackOut(why, START, {"DocumentName": document, "Parameters": {**given, **{key: [changes[key]] for key in changes}}})

    return back


def _bucket_back(given: Given, seen: Seen) -> BackOut:
    return _again(BUCKET, "The same document writes the four settings as they were.", **seen.was)(given, seen)


def _ports_back(_: Given, seen: Seen) -> BackOut:
    return BackOut(f"No document opens them again. By hand: aws ec2 authorize-security-group-ingress for {seen.words}.")


def _by_hand(why: str) -> Callable[[Given, Seen], BackOut]:
    return lambda given, seen: BackOut(why)


_EC2, _OBJECTS = "arn:PARTITION:ec2:*:ACCOUNT:", Grant(("s3:GetObject", "s3:PutObject"), ("arn:PARTITION:s3:::*/*",))

REMEDIES: Mapping[str, Remedy] = {
    each.document: each
    for each in (
        Remedy(
            BUCKET, {"AwsS3Bucket": r"arn:[a-z-]+:s3:::([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])"}, "BucketName",
            becomes="all four settings on",
            breaks="public sites, and links to objects of the bucket",
            look=looking.bucket, back=_bucket_back,
            reads=frozenset({"s3:GetPublicAccessBlock"}),
            grants=(Grant(("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"), ("arn:PARTITION:s3:::*",)),),
            controls=frozenset({"S3.2", "S3.3", "S3.8"}),
        ),
        Remedy(
            PORTS, {"AwsEc2SecurityGroup": r"arn:[a-z-]+:ec2:[a-z0-9-]+:[0-9]{12}:security-group/(sg-[0-9a-f]{8,17})"}, "GroupId",
            becomes="no way in from any address by SSH or RDP",
            breaks="whoever comes in by SSH or RDP from addresses that no other rule names",
            look=looking.ports, back=_ports_back,
            reads=frozenset({"ec2:DescribeSecurityGroups"}),
            grants=(
                Grant(("ec2:DescribeSecurityGroups", "ec2:DescribeVpcs")),
                Grant(("ec2:RevokeSecurityGroupIngress",), (f"{_EC2}security-group/*",)),
            ),
            controls=frozenset({"EC2.13", "EC2.14"}),
        ),
        Remedy(
            ROTATION, {"AwsKmsKey": r"arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/([a-z0-9-]{1,64})"}, "KeyId",
            becomes="rotated every year",
            breaks="nothing: what was encrypted before stays readable",
            look=looking.rotation, back=_by_hand("No document switches it off again. By hand: aws kms disable-key-rotation."),
            reads=frozenset({"kms:GetKeyRotationStatus"}),
            grants=(Grant(("kms:EnableKeyRotation", "kms:GetKeyRotationStatus"), ("arn:PARTITION:kms:*:ACCOUNT:key/*",)),),
            controls=frozenset({"KMS.4"}),
        ),
        Remedy(
            INSTANCE, {"AwsEc2Instance": r"arn:[a-z-]+:ec2:[a-z0-9-]+:[0-9]{12}:instance/(i-[0-9a-f]{8,17})"}, "InstanceId",
            becomes="in security groups that let nothing through",
            breaks="everything that the instance does over the network",
            look=looking.instance,
            back=_again(INSTANCE, "The same document gives it the security groups that it kept.", Action="Release", DryRun="false"),
            reads=frozenset({"ec2:DescribeInstanceAttribute", "ec2:DescribeSecurityGroups"}),
            grants=(
                Grant(("ec2:DescribeInstances", "ec2:DescribeSecurityGroups")),
                Grant(
                    ("ec2:CreateSecurityGroup", "ec2:ModifyInstanceAttribute", "ec2:RevokeSecurityGroupEgress"),
                    (f"{_EC2}instance/*", f"{_EC2}security-group/*", f"{_EC2}vpc/*"),
                ),
                _OBJECTS,
            ),
            fixed={"Action": "Contain", "DryRun": "false"}, asks=("BackupS3BucketName",),
        ),
        Remedy(
            PRINCIPAL, {"AwsIamUser": r"arn:[a-z-]+:iam::[0-9]{12}:user/(?:[^/]+/)*([A-Za-z0-9+=,.@_-]{1,64})"}, "PrincipalName",
            becomes="no access key is active",
            breaks="whatever works with the user's access keys",
            look=looking.user,
            back=_again(PRINCIPAL, "The same document activates the keys that were active.", Action="Restore", DryRun="false"),
            reads=frozenset({"iam:ListAccessKeys"}),
            grants=(Grant(("iam:ListAccessKeys", "iam:UpdateAccessKey"), ("arn:PARTITION:iam::ACCOUNT:user/*",)), _OBJECTS),
            fixed={"PrincipalType": "IAM user", "Action": "Contain", "DryRun": "false"}, asks=("BackupS3BucketName",),
        ),
        Remedy(
            STOP, {"AwsEc2Instance": r"arn:[a-z-]+:ec2:[a-z0-9-]+:[0-9]{12}:instance/(i-[0-9a-f]{8,17})"}, "InstanceId",
            becomes="stopped",
            breaks="everything that the instance does, and what is in its memory and on its instance stores",
            look=looking.stopped, back=_by_hand("No document of this kind starts it again. By hand: aws ec2 start-instances."),
            reads=frozenset({"ec2:DescribeInstanceStatus"}),
            grants=(
                Grant(("ec2:DescribeInstances", "ec2:DescribeInstanceStatus")),
                Grant(("ec2:StopInstances",), (f"{_EC2}instance/*",)),
                Grant(("sns:Publish",), ("arn:PARTITION:sns:*:*:Automation*",)),
            ),
            asks=("Approvers", "SNSTopicArn"), longest=ASKED,
        ),
    )
}  # fmt: skip
"""Document → what it mends."""
