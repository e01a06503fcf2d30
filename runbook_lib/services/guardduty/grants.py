"""What bucket and key have to grant to GuardDuty, so that it can export findings [docs: exporting generated findings to S3]."""

from collections.abc import Iterator
from typing import Any

from runbook_lib.services.granting import allow, of_source
from runbook_lib.services.guardduty.spec import NAME
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.guardduty import GuardDutySection

PRINCIPAL = {"Service": "guardduty.amazonaws.com"}


def grants(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """A statement for each Region's bucket and key; the detector's id is not known before there is one."""
    section, account = settings.sections().get(NAME), settings.organization.delegated_account
    export = section.export if isinstance(section, GuardDutySection) else None
    for region, destination in sorted((export or {}).items()):
        bucket, _, prefix = destination.bucket_arn.partition("/")
        partition, name = bucket.split(":")[1], region.replace("-", "")
        source = of_source(account, f"arn:{partition}:guardduty:{region}:{account}:detector/*")
        objects = f"{bucket}/{prefix.rstrip('/')}/*" if prefix else f"{bucket}/*"
        yield bucket, allow(f"GuardDutyLooks{name}", PRINCIPAL, ["s3:GetBucketLocation"], [bucket], source)
        yield bucket, allow(f"GuardDutyWrites{name}", PRINCIPAL, ["s3:PutObject"], [objects], source)
        yield destination.kms_key_arn, allow(f"GuardDutyEncrypts{name}", PRINCIPAL, ["kms:GenerateDataKey"], ["*"], source)
