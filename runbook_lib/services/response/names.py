"""Names and numbers of the response, each number beside its source."""

NAME, TITLE, PHASE = "response", "Response", "60_response"
HUB, EVENTS, QUEUES, TOPICS, IAM = "securityhub", "events", "sqs", "sns", "iam"
FUNCTIONS, MACHINES, SYSTEMS, KEYS = "lambda", "stepfunctions", "ssm", "kms"
"""boto3 client names of the services that are called."""
MARK = "Made by the runbook"
"""What the description of every rule of ours begins with: it comes with the list of rules, without a read of its own."""
TAG, TAGGED = "runbook", "response"
"""The tag of queues and topics that were made."""
SID = "RunbookResponse"
"""The statement of ours in the policy of a queue or topic, and in that of a channel's role."""
CHANNEL_ROLE, ROLE_PATH = "runbook-channel-", "/runbook-response/"
"""How the name of each channel's role begins, and the path by which those that were made are found again."""
ROLE_POLICY = "deliver"
"""The one inline policy of a channel's role."""
IMPORTED, PRESSED = "Security Hub Findings - Imported", "Security Hub Findings - Custom Action"
"""Detail types of the events that routes are about [docs: Security Hub's events reference]."""
IMPORTED_V2 = "Findings Imported V2"
"""The detail type of the newer Security Hub, whose rules tell of the same causes once more [docs]."""
MOST_ACTIONS = 50
"""Custom actions in an account and Region [docs]."""
MOST_RULES = 300
"""Rules on a bus [docs: EventBridge quotas]; it can be raised, which nobody can read."""
MOST_TARGETS = 5
"""Targets of a rule, whoever added them [docs: EventBridge quotas]; it cannot be raised."""
LONGEST_QUEUE_POLICY, LONGEST_TRUST = 8192, 2048
"""Characters of a queue's policy [docs: SQS quotas], and of a role's trust policy [docs: IAM quotas], which name every rule."""
LONGEST_PATTERN = 2048
"""Characters of an event pattern [docs: EventBridge quotas]; the model has 4,096."""
RETRIES, OLDEST = 185, 86_400
"""Attempts, and seconds, in which EventBridge tries to deliver: AWS's own defaults [docs]."""
KEPT = 1_209_600
"""Seconds that a queue of undelivered events keeps them: 14 days, the longest [model]."""
CONSOLES = {"aws": "console.aws.amazon.com", "aws-us-gov": "console.amazonaws-us-gov.com", "aws-cn": "console.amazonaws.cn"}
"""Partition → where its console is [docs]."""
KEPT_BACK = "runbook-kept-"
"""How the name of the queue begins that has what a channel is not sent; the channel's id follows."""
DRILL = "65_drill"
"""The notebook, and the folder of a run, in which findings are sent on their way to see whether they arrive."""
REMEDIATION = "70_remediation"
"""The notebook, and the folder of a run, in which the causes of findings are mended."""
DRILLED = "runbook-drill/"
"""What the id of every finding of a drill begins with; the drill's name and the route follow."""
