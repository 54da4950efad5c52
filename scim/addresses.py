"""Where identity providers find the SCIM API (SPEC O5)."""

BASE_PATH, ALIAS_PATH = "/api/scim", "/scim/v2"
# Entra's PATCH requests follow RFC 7644 only if the URL has this flag.
ENTRA_FLAG = "?aadOptscim062020"
