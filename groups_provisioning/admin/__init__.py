"""Groups, mappings and what came of them, for support."""

from groups_provisioning.admin import mirrors, previews

__all__ = ["mirrors", "previews"]
