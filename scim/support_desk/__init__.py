"""Pages of the admin that join all apps: a search over all organizations, one organization, where a link leads."""
