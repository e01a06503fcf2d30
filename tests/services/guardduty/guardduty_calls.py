"""Calls of GuardDuty that a line of the AWS CLI has to say; the last with all that a shell could take for itself."""

import value_samples as samples

CALLS = [
    samples.action("CreateDetector", {"Enable": True, "FindingPublishingFrequency": "SIX_HOURS", "Features": []}),
    samples.action(
        "CreatePublishingDestination",
        {
            "DetectorId": samples.detector("us-east-1"),
            "DestinationType": "S3",
            "DestinationProperties": {"DestinationArn": 'it\'s; rm -rf "$HOME" `x`', "KmsKeyArn": "two\nlines \u202e"},
        },
    ),
]
