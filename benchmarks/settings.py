"""The portal's settings plus the floors, without middleware that would slow these down, and without rate limits."""

from config.settings import *  # noqa: F403

MIDDLEWARE = ["scim.api.front.ScimFrontDoor"]
ROOT_URLCONF = "benchmarks.floors"
SCIM_RATE = SCIM_BURST = SCIM_FAILURES_PER_MINUTE = 10**9
