"""What Macie does inside the accounts where it is switched on, as AWS's user guide says."""

ENABLING = (
    "Macie's service-linked role is created; Macie lists the account's buckets, evaluates their policies, encryption and sharing, "
    "and watches CloudTrail's S3 events for changes of them."
)
DISCOVERING = "Objects of the account's buckets are sampled and read, each day, for sensitive data."
