"""Whether somebody is active: what the IdP says about it, and what an admin decided by hand (SPEC U12). Pure.

`active` counts everywhere. `idp` is the IdP's last word while a decision by hand stands over it; None while none does,
so that `active` is the IdP's word. Somebody whom SCIM does not manage has no IdP's word: they count as active there.
"""

from typing import NamedTuple


class Activity(NamedTuple):
    active: bool = True
    idp: bool | None = None

    @property
    def said(self) -> bool:
        """The IdP's last word, which SCIM shows."""
        return self.active if self.idp is None else self.idp

    @property
    def is_closed(self) -> bool:
        """Whether an admin deactivated them."""
        return self.idp is not None and not self.active

    @property
    def is_opened(self) -> bool:
        """Whether an admin activated them against the IdP's word."""
        return self.idp is not None and self.active

    def told(self, said: bool) -> "Activity":
        """After the IdP has written them, and said this.

        A deactivation by hand ends once the IdP has said `false` and then `true`. Whoever was opened by hand is what
        the IdP says with its next word about them.
        """
        if self.is_closed and not (said and not self.said):
            return Activity(False, said)
        return Activity(said)

    def closed(self) -> "Activity":
        """Deactivated by hand; of somebody who was opened by hand, that ends, and the IdP's word counts again."""
        if not self.active:
            return self
        return Activity(False) if self.is_opened else Activity(False, True)

    def opened(self) -> "Activity":
        """Activated by hand: a deactivation by hand ends, and the IdP's word is set aside if it says otherwise."""
        if self.active:
            return self
        return Activity(True) if self.is_closed and self.said else Activity(True, False)
