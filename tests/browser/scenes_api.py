"""Pages about the API, which are for anybody. The reference is left out: it is as long as the API, and axe takes
minutes for it.
"""

from django.urls import reverse

from orgs.models import User
from tests.browser.scene import Scene


def _nobody(owner: User) -> None:
    return None


SCENES = {"api-problem": Scene(lambda owner: reverse("problem", args=["cursor-mismatch"]), who=_nobody)}
