"""Access Analyzer's error texts. Sources: public threads and tools that record AWS's answers."""

NOT_THERE_YET = ("You must create an organization", "Service not enabled for AWS Organizations")
"""For five to ten minutes after the organization, its trusted access or the registration changed, whatever Organizations says."""
NOT_THERE_SECONDS = 900.0
"""For how long the same call is sent again then: ten minutes are on record, and half of that for whoever records longer."""
