"""Groups, mappings and their effects, for support."""

from groups_provisioning.admin import erasing, mirrors, previews

__all__ = ["erasing", "mirrors", "previews"]
