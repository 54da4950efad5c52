"""The tables: core User and Group, the enterprise extension, the common attributes (RFC 7643 §3.1, §4).

Reading, validation, projection, filters and discovery all follow them (SPEC P4). Where they differ from the letter of
RFC 7643 §8.7.1 they say what this service provider does: `addresses` have `primary` (SPEC U8), a group's `displayName`
is required and unique (SPEC G2), and `active` always has a value (SPEC U1, S3), which a client reads as required.
"""

from __future__ import annotations

from .schema import Attribute, Schema

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


# Such values are keys of an index, which takes 2,700 bytes.
_LONGEST_KEY = 500


def _key_complaint(value: str) -> str | None:
    return f"at most {_LONGEST_KEY} characters can be stored." if len(value) > _LONGEST_KEY else None


# What `user.status` says in Okta (SPEC S4).
_OKTA_STATUSES = {
    "active": True,
    "provisioned": True,
    "recovery": True,
    "locked_out": True,
    "password_expired": True,
    "staged": False,
    "suspended": False,
    "deprovisioned": False,
}


def _complex(name: str, description: str, *subs: Attribute, strict: bool = False) -> Attribute:
    return Attribute(name, description, "complex", sub_attributes=subs, strict=strict)


def _plural(
    name: str, description: str, value: Attribute, kinds: tuple[str, ...] = (), *, display: bool = True
) -> Attribute:
    """A multi-valued complex attribute with the sub-attributes of RFC 7643 §2.4."""
    subs = [value]
    if display:
        subs.append(Attribute("display", "A human-readable name, for display only."))
    subs.append(Attribute("type", "A label that says what the value is for.", canonical_values=kinds))
    subs.append(_PRIMARY)
    return Attribute(name, description, "complex", multi_valued=True, sub_attributes=tuple(subs))


_PRIMARY = Attribute("primary", "Whether this is the preferred value; at most one value is.", "boolean")

COMMON = (
    Attribute(
        "schemas",
        "The URIs of the schemas whose attributes the resource has.",
        "reference",
        multi_valued=True,
        mutability="readOnly",
        returned="always",
        reference_types=("uri",),
    ),
    Attribute(
        "id",
        "The identifier that the service provider gave the resource.",
        case_exact=True,
        mutability="readOnly",
        returned="always",
        uniqueness="server",
    ),
    Attribute(
        "externalId",
        "The identifier that the provisioning client knows the resource by.",
        case_exact=True,
        check=_key_complaint,
        strict=True,
    ),
    Attribute(
        "meta",
        "What the service provider keeps about the resource.",
        "complex",
        mutability="readOnly",
        sub_attributes=(
            Attribute("resourceType", "The name of its resource type.", case_exact=True, mutability="readOnly"),
            Attribute("created", "When it was created.", "dateTime", mutability="readOnly"),
            Attribute("lastModified", "When it was last changed.", "dateTime", mutability="readOnly"),
            Attribute(
                "location", "Its URI.", "reference", case_exact=True, mutability="readOnly", reference_types=("uri",)
            ),
            Attribute("version", "Its version, the same as its ETag.", case_exact=True, mutability="readOnly"),
        ),
    ),
)

USER = Schema(
    USER_URN,
    "User",
    "User Account",
    (
        Attribute(
            "userName",
            "The name that identifies the user.",
            required=True,
            uniqueness="server",
            check=_key_complaint,
            strict=True,
        ),
        _complex(
            "name",
            "The components of the user's name.",
            Attribute("formatted", "The full name, formatted for display."),
            Attribute("familyName", "The family name."),
            Attribute("givenName", "The given name."),
            Attribute("middleName", "The middle name or names."),
            Attribute("honorificPrefix", "A title before the name, such as 'Ms.'."),
            Attribute("honorificSuffix", "A suffix to the name, such as 'III'."),
            strict=True,
        ),
        Attribute("displayName", "The name to show to people.", strict=True),
        Attribute("nickName", "What the user is called casually."),
        Attribute(
            "profileUrl",
            "The address of the user's online profile.",
            "reference",
            case_exact=True,
            reference_types=("external",),
        ),
        Attribute("title", "The user's title, such as 'Vice President'."),
        Attribute("userType", "How the user relates to the organization, such as 'Contractor'."),
        Attribute("preferredLanguage", "The user's preferred languages, as in HTTP's Accept-Language."),
        Attribute("locale", "Where the user is, for formatting currency, dates and numbers."),
        Attribute("timezone", "The user's time zone, such as 'America/Los_Angeles'."),
        Attribute(
            "active",
            "Whether the user can sign in: true unless said otherwise, never unassigned.",
            "boolean",
            default=True,
            strict=True,
            truths=_OKTA_STATUSES,
        ),
        Attribute(
            "password",
            "Accepted and discarded: the user signs in through the identity provider.",
            case_exact=True,
            mutability="writeOnly",
            returned="never",
        ),
        _plural(
            "emails",
            "E-mail addresses.",
            Attribute("value", "An address.", check=_key_complaint),
            ("work", "home", "other"),
        ),
        _plural(
            "phoneNumbers",
            "Telephone numbers.",
            Attribute("value", "A number, canonically as in 'tel:+1-201-555-0123'."),
            ("work", "home", "mobile", "fax", "pager", "other"),
        ),
        _plural(
            "ims",
            "Instant messaging addresses.",
            Attribute("value", "An address."),
            ("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"),
        ),
        _plural(
            "photos",
            "Addresses of pictures of the user.",
            Attribute(
                "value", "The address of a picture.", "reference", case_exact=True, reference_types=("external",)
            ),
            ("photo", "thumbnail"),
        ),
        Attribute(
            "addresses",
            "Postal addresses.",
            "complex",
            multi_valued=True,
            sub_attributes=(
                Attribute("formatted", "The full address, formatted for display or a label."),
                Attribute("streetAddress", "Street, house number, box number and the like."),
                Attribute("locality", "The city."),
                Attribute("region", "The state or region."),
                Attribute("postalCode", "The postal code."),
                Attribute("country", "The country, as an ISO 3166-1 alpha-2 code."),
                Attribute("type", "A label for the address.", canonical_values=("work", "home", "other")),
                _PRIMARY,
            ),
        ),
        Attribute(
            "groups",
            "The pushed groups that the user is a member of.",
            "complex",
            multi_valued=True,
            mutability="readOnly",
            sub_attributes=(
                Attribute("value", "The id of the group.", case_exact=True, mutability="readOnly"),
                Attribute(
                    "$ref",
                    "The URI of the group.",
                    "reference",
                    case_exact=True,
                    mutability="readOnly",
                    reference_types=("Group",),
                ),
                Attribute("display", "The name of the group.", mutability="readOnly"),
                Attribute(
                    "type",
                    "How the user is a member.",
                    mutability="readOnly",
                    canonical_values=("direct", "indirect"),
                ),
            ),
        ),
        _plural("entitlements", "Things that the user is entitled to.", Attribute("value", "An entitlement.")),
        _plural("roles", "Who the user is to the organization.", Attribute("value", "A role.")),
        _plural(
            "x509Certificates",
            "Certificates issued to the user.",
            Attribute("value", "A DER certificate, in base64.", "binary", case_exact=True),
        ),
    ),
)

ENTERPRISE = Schema(
    ENTERPRISE_URN,
    "EnterpriseUser",
    "Enterprise User",
    (
        Attribute("employeeNumber", "The number that the organization gave the user."),
        Attribute("costCenter", "The name of a cost center."),
        Attribute("organization", "The name of an organization."),
        Attribute("division", "The name of a division."),
        Attribute("department", "The name of a department."),
        _complex(
            "manager",
            "The user's manager.",
            Attribute("value", "The id of the manager.", case_exact=True),
            Attribute("$ref", "The URI of the manager.", "reference", case_exact=True, reference_types=("User",)),
            Attribute("displayName", "The name of the manager.", mutability="readOnly"),
        ),
    ),
)

GROUP = Schema(
    GROUP_URN,
    "Group",
    "Group",
    (
        Attribute(
            "displayName",
            "The name of the group.",
            required=True,
            uniqueness="server",
            check=_key_complaint,
            strict=True,
        ),
        Attribute(
            "members",
            "The members of the group.",
            "complex",
            multi_valued=True,
            sub_attributes=(
                Attribute("value", "The id of the member.", case_exact=True, mutability="immutable"),
                Attribute(
                    "$ref",
                    "The URI of the member.",
                    "reference",
                    case_exact=True,
                    mutability="immutable",
                    reference_types=("User", "Group"),
                ),
                Attribute("type", "What the member is.", mutability="immutable", canonical_values=("User", "Group")),
                Attribute("display", "The name of the member.", mutability="readOnly"),
            ),
        ),
    ),
)
