"""L1 to L4, L8, L10 and L11 over the real flow and store: whatever happens, the ledger stays clean and nothing leaves
twice that nobody wanted twice.

A normal run looks at a few stories. HYPOTHESIS_PROFILE=long looks at thousands, for most of an hour; =glance is for
whoever expects a failure and does not want to wait for the shortest story.
"""

import os

from hypothesis import HealthCheck, Phase, settings

from tests.laws.flow_machine import FlowMachine

USUAL = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
PROFILES = {
    "long": settings(USUAL, max_examples=2500, stateful_step_count=50),
    "glance": settings(USUAL, max_examples=40, phases=[Phase.generate], database=None),
}

FlowMachine.TestCase.settings = PROFILES.get(os.environ.get("HYPOTHESIS_PROFILE", ""), USUAL)
TestFlow = FlowMachine.TestCase
