"""The portal's settings with the floors beside it, no middleware for them to pay for, and no limits."""

from config.settings import *  # noqa: F403

MIDDLEWARE = ["scim.api.front.ScimFrontDoor"]
ROOT_URLCONF = "benchmarks.floors"
SCIM_RATE = SCIM_BURST = SCIM_FAILURES_PER_MINUTE = 10**9
