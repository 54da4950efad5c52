"""Where identity providers find the SCIM API (SPEC O5)."""

BASE_PATH, ALIAS_PATH = "/api/scim", "/scim/v2"
# Entra follows RFC 7644 in its PATCH requests only where the address asks for it.
ENTRA_FLAG = "?aadOptscim062020"
