"""What an error means for the identity provider's admin: what to change there, and how to send the request again.

A table of texts, looked up by status, scimType, resource and identity provider. The most specific line wins.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from orgs.models import IdentityProvider as Idp
from orgs.models import ScimToken
from scim import provisioning_log
from scim.models import RequestLog

# For each line: status, scimType, resource, identity provider; an empty value matches any.
Case = tuple[int, str, str, str]

CHANGES: dict[Case, Promise] = {
    # 409: the name is taken
    (409, "uniqueness", "user", ""): lazy(
        "A user with this userName already exists here. Match people by userName, so that {idp} finds this account "
        "and updates it instead of creating another; or give one of the two a different userName."
    ),
    (409, "uniqueness", "user", Idp.OKTA): lazy(
        "A user with this userName already exists here. In the app's Import tab, import users and confirm the match "
        "with this person; or, if they are two people, change the “Application username” of one of them."
    ),
    (409, "uniqueness", "user", Idp.ENTRA): lazy(
        "A user with this userName already exists here. In Provisioning, Mappings, give userName matching "
        "precedence 1, so that Entra ID looks it up before it creates a user; then provision this person on demand."
    ),
    (409, "uniqueness", "group", ""): lazy(
        "A group with this name already exists here. Rename one of the two in {idp}, or delete the group that was "
        "pushed first."
    ),
    (409, "uniqueness", "group", Idp.OKTA): lazy(
        "A group with this name already exists here. In Push Groups, choose “Link Group” instead of “Create Group” "
        "for it; or rename one of the two groups."
    ),
    # 404: known to the identity provider, not here
    (404, "", "user", ""): lazy(
        "This person does not exist here, or was deleted here. Remove their assignment to the application in {idp} "
        "and assign them again: that creates a new account."
    ),
    (404, "", "user", Idp.ENTRA): lazy(
        "Entra ID uses an ID that does not exist here. In Provisioning, choose “Restart provisioning”: it discards the "
        "IDs that it has stored and looks everybody up again."
    ),
    (404, "", "group", ""): lazy(
        "This group does not exist here, or was deleted here. Remove it from what {idp} provisions and add it again."
    ),
    (404, "", "group", Idp.OKTA): lazy(
        "This group does not exist here, or was deleted here. In Push Groups, choose “Unlink pushed group”, then push "
        "it again."
    ),
    (404, "", "group", Idp.ENTRA): lazy(
        "Entra ID uses an ID that does not exist here. In Provisioning, choose “Restart provisioning”: it discards the "
        "IDs that it has stored and looks every group up again."
    ),
    (404, "", "", ""): lazy(
        "This URL does not exist here. Compare the base URL in {idp} with the one on the SCIM provisioning page: "
        "nothing may follow it except what {idp} adds automatically."
    ),
    # 401: the token
    (401, "", "", ""): lazy(
        "The token is known here, but it has expired, was revoked, or is not allowed from this address. Create a new "
        "one on the SCIM provisioning page, and enter it in {idp}."
    ),
    # 403: switched off
    (403, "", "group", ""): lazy(
        "Group provisioning is off here. Switch it on from the SCIM provisioning page, then push the group again; or "
        "stop pushing groups in {idp}."
    ),
    (403, "", "user", ""): lazy(
        "User provisioning is off for your organization. Ask support to switch it on; you do not have to change "
        "anything in {idp}."
    ),
    (403, "", "in_clear", ""): lazy(
        "The request was sent over plain HTTP, so others could read its token. Enter the base URL of the SCIM "
        "provisioning page, which begins with https://, in {idp}, together with a new token, and revoke this one."
    ),
    (403, "", "discovery", ""): lazy("Discovery does not support filters. Leave the filter out of the request."),
    # 400: what was sent
    (400, "mutability", "user", ""): lazy(
        "The request changes something that cannot be changed here, most often the userName. Have {idp} set it only "
        "when it creates a user."
    ),
    (400, "mutability", "user", Idp.OKTA): lazy(
        "The request changes something that cannot be changed here, most often the userName. In Sign On, set “Update "
        "application username on” to “Create only”."
    ),
    (400, "mutability", "user", Idp.ENTRA): lazy(
        "The request changes something that cannot be changed here, most often the userName. In Mappings, edit the "
        "named attribute and set “Apply this mapping” to “Only during object creation”."
    ),
    (400, "mutability", "", ""): lazy(
        "The request changes something that is read-only. Remove the attribute from the mapping."
    ),
    (400, "invalidValue", "user", ""): lazy(
        "One value is not valid; the message names the attribute. Correct the person's profile, or the mapping of this "
        "attribute, in {idp}."
    ),
    (400, "invalidValue", "user", Idp.OKTA): lazy(
        "One value is not valid; the message names the attribute. In Provisioning, To App, check its mapping; for a "
        "role, compare the enumerated values of the attribute in the Profile Editor with the allowed ones."
    ),
    (400, "invalidValue", "user", Idp.ENTRA): lazy(
        "One value is not valid; the message names the attribute. In Mappings, check its expression; for a role, the "
        "values of the app roles must be among the allowed ones."
    ),
    (400, "invalidValue", "user", Idp.PINGONE): lazy(
        "One value is not valid; the message names the attribute. In the rule's attribute mapping, check where it "
        "comes from; userName must be mapped from Email Address."
    ),
    (400, "invalidValue", "group", ""): lazy(
        "One value is not valid. If the message names members, these people do not exist here yet: assign them to the "
        "application in {idp} first, then push the group again."
    ),
    (400, "invalidFilter", "", ""): lazy(
        'The filter that {idp} uses to look people up is not supported. Use a simple one, such as userName eq "…".'
    ),
    (400, "invalidFilter", "", Idp.PINGONE): lazy(
        'In the connection\'s preferences, set “User Filter Expression” to userName eq "%s".'
    ),
    (400, "invalidPath", "", ""): lazy(
        "This attribute does not exist here. Compare its name, including the URN in front of it, with the attribute "
        "table of the setup guide."
    ),
    (400, "invalidPath", "", Idp.OKTA): lazy(
        "This attribute does not exist here. In the Profile Editor, compare its external name and external namespace "
        "with the setup guide."
    ),
    (400, "invalidPath", "", Idp.ENTRA): lazy(
        "This attribute does not exist here. In “Edit attribute list for customappsso”, compare its name, including "
        "the URN, with the setup guide."
    ),
    (400, "invalidPath", "", Idp.PINGONE): lazy(
        "This attribute does not exist here. Compare “Custom Attribute Schema URNs” with the setup guide."
    ),
    (400, "noTarget", "", ""): lazy(
        "The request changes a value that does not exist, or names none. If the error recurs, remove the attribute's "
        "mapping and add it again."
    ),
    (400, "tooMany", "", ""): lazy("This filter takes too long here. Have {idp} look people up by userName."),
    (400, "invalidSyntax", "", ""): lazy(
        "The request is not well-formed. If {idp} lets you edit what it sends, such as a JSON template, check that "
        "first."
    ),
    (400, "invalidSyntax", "", Idp.ONELOGIN): lazy(
        "The request is not well-formed. In the app's Configuration tab, compare “SCIM JSON Template” with the setup "
        "guide."
    ),
    (400, "", "", ""): lazy(
        "The message says what could not be read. Compare the settings in {idp} with the setup guide."
    ),
    (405, "", "", ""): lazy(
        "This URL does not support that method. Compare the base URL in {idp} with the one on the SCIM provisioning "
        "page."
    ),
    (413, "", "", ""): lazy("The request is too large. Have {idp} send fewer members, or fewer operations, at once."),
}

OTHERWISE = lazy("The message says what is wrong. Compare the settings in {idp} with the setup guide.")

NOTHING: dict[int, Promise] = {
    412: lazy("Two changes collided. {idp} reads the resource again and repeats its change."),
    429: lazy("{idp} exceeded the rate limit. It waits as long as the response says, then continues automatically."),
    500: lazy("The portal failed. Its operator can find the error in the log by the request ID on this page."),
    501: lazy("{idp} tried a part of SCIM that is not supported here, and works without it."),
    503: lazy("The portal was briefly unavailable. {idp} retries automatically."),
}

AGAIN: dict[str, Promise] = {
    Idp.OKTA: lazy(
        "To send it again, retry the task under Dashboard, Tasks; for a group, choose “Push now” in Push Groups."
    ),
    Idp.ENTRA: lazy(
        "To send it again at once, use “Provision on demand”; otherwise the next cycle does, in about 40 minutes."
    ),
    Idp.PINGONE: lazy("To send it again, open the provisioning rule and choose “Resync”."),
    Idp.JUMPCLOUD: lazy("To send it again, remove the person or group from the application and add it once more."),
    Idp.ONELOGIN: lazy("To send it again, retry the failed person in the app's Users tab."),
}


@dataclass(frozen=True, slots=True)
class Advice:
    title: str
    text: str
    again: str


def of(call: RequestLog, token: ScimToken | None) -> Advice | None:
    """The advice for a call that was refused or failed; None for any other call."""
    if call.status < 400:
        return None
    idp = token.idp if token else ""
    name = provisioning_log.idp_name(token)
    resource = call.operation.partition(".")[0]
    if text := NOTHING.get(call.status):
        return Advice(_("Nothing to change in %s") % name, _sentence(text, name), again="")
    for case in (
        (call.status, call.scim_type, resource, idp),
        (call.status, call.scim_type, resource, ""),
        (call.status, call.scim_type, "", idp),
        (call.status, call.scim_type, "", ""),
        (call.status, "", "", ""),
    ):
        if text := CHANGES.get(case):
            break
    else:
        text = OTHERWISE
    return Advice(_("What to change in %s") % name, _sentence(text, name), str(AGAIN.get(idp, "")))


def _sentence(text: Promise, idp: str) -> str:
    words = str(text).format(idp=idp)
    return words[0].upper() + words[1:]
