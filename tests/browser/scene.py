"""What a scene is."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from orgs.models import User


@dataclass(frozen=True, slots=True)
class Scene:
    """set_up: makes the rows and gives the address. act: what is done on the page then. who: signed in as."""

    set_up: Callable[[User], str]
    act: Callable[[Page], None] = lambda page: None
    who: Callable[[User], User | None] = lambda owner: owner
