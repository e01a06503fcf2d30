"""The simulated AWS Organization: our own strict operations in front of moto, on loopback.

Nothing here imports the rest of `runbook_lib`: limits, error texts and enums are written twice, each with its source, so that one
wrong belief does not sit on both sides. Only how files of others are read and the root of errors are shared
(`runbook_lib.base.documents`, `runbook_lib.base.errors`): those are no beliefs.
"""
