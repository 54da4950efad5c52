"""Groups, mappings and their effects, for support."""

from groups_provisioning.admin import mirrors, people, previews

__all__ = ["mirrors", "people", "previews"]
