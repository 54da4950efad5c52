"""Groups, mappings and their effects, for support."""

from groups_provisioning.admin import mirrors, previews

__all__ = ["mirrors", "previews"]
