"""What an error means for whoever administers the identity provider: what to change there, and how to send it again.

A table in words, looked up by status, scimType, resource and identity provider. The most particular line counts.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from orgs.models import IdentityProvider as Idp
from orgs.models import ScimToken
from scim import provisioning_log
from scim.models import RequestLog

# For each line: status, scimType, resource, identity provider; an empty one stands for any.
Case = tuple[int, str, str, str]

CHANGES: dict[Case, Promise] = {
    # 409: the name is there already
    (409, "uniqueness", "user", ""): lazy(
        "Somebody with this userName is managed here already. Match people by userName, so that {idp} finds this "
        "account "
        "and updates it in place of creating another; or give one of the two a different userName."
    ),
    (409, "uniqueness", "user", Idp.OKTA): lazy(
        "Somebody with this userName is managed here already. In the app's Import tab, import users and confirm the "
        "match "
        "with this person; or, if they are two people, change the “Application username” of one of them."
    ),
    (409, "uniqueness", "user", Idp.ENTRA): lazy(
        "Somebody with this userName is managed here already. In Provisioning, Mappings, give userName matching "
        "precedence 1, so that Entra ID looks for it before it creates; then provision this person on demand."
    ),
    (409, "uniqueness", "group", ""): lazy(
        "A group of this name is here already. Rename one of the two in {idp}, or delete the group that was pushed "
        "first."
    ),
    (409, "uniqueness", "group", Idp.OKTA): lazy(
        "A group of this name is here already. In Push Groups, choose “Link Group” instead of “Create Group” for it; "
        "or "
        "rename one of the two groups."
    ),
    # 404: known there, not here
    (404, "", "user", ""): lazy(
        "This person is not here, or was deleted here. Remove their assignment to the application in {idp} and assign "
        "them again: that creates them anew."
    ),
    (404, "", "user", Idp.ENTRA): lazy(
        "Entra ID remembers an id that is not here. In Provisioning, choose “Restart provisioning”: it forgets the "
        "ids it "
        "knows and looks everybody up again."
    ),
    (404, "", "group", ""): lazy(
        "This group is not here, or was deleted here. Remove it from what {idp} provisions and add it again."
    ),
    (404, "", "group", Idp.OKTA): lazy(
        "This group is not here, or was deleted here. In Push Groups, choose “Unlink pushed group”, then push it again."
    ),
    (404, "", "group", Idp.ENTRA): lazy(
        "Entra ID remembers an id that is not here. In Provisioning, choose “Restart provisioning”: it forgets the "
        "ids it "
        "knows and looks every group up again."
    ),
    (404, "", "", ""): lazy(
        "There is no such address here. Compare the base URL in {idp} with the one on the SCIM provisioning page: "
        "nothing may follow it but what {idp} adds by itself."
    ),
    # 403: switched off
    (403, "", "group", ""): lazy(
        "Group provisioning is off here. Switch it on, on the SCIM provisioning page, then push the group again; or "
        "stop "
        "pushing groups in {idp}."
    ),
    (403, "", "user", ""): lazy(
        "User provisioning is off for your organization. Ask support to switch it on; nothing has to be changed in "
        "{idp}."
    ),
    (403, "", "discovery", ""): lazy("Discovery takes no filters. Leave the filter out of the request."),
    # 400: what was sent
    (400, "mutability", "user", ""): lazy(
        "The request changes something that may not change here, most often the userName. Have {idp} set it only when "
        "it creates somebody."
    ),
    (400, "mutability", "user", Idp.OKTA): lazy(
        "The request changes something that may not change here, most often the userName. In Sign On, set “Update "
        "application username on” to “Create only”."
    ),
    (400, "mutability", "user", Idp.ENTRA): lazy(
        "The request changes something that may not change here, most often the userName. In Mappings, edit the named "
        "attribute and set “Apply this mapping” to “Only during object creation”."
    ),
    (400, "mutability", "", ""): lazy(
        "The request changes something that is read-only. Take the attribute out of the mapping."
    ),
    (400, "invalidValue", "user", ""): lazy(
        "One value does not fit; the message names the attribute. Correct the person's profile, or the mapping of this "
        "attribute, in {idp}."
    ),
    (400, "invalidValue", "user", Idp.OKTA): lazy(
        "One value does not fit; the message names the attribute. In Provisioning, To App, look at its mapping; for a "
        "role, "
        "compare the enumerated values of the attribute in the Profile Editor with the allowed ones."
    ),
    (400, "invalidValue", "user", Idp.ENTRA): lazy(
        "One value does not fit; the message names the attribute. In Mappings, look at its expression; for a role, the "
        "values of the app roles have to be the allowed ones."
    ),
    (400, "invalidValue", "user", Idp.PINGONE): lazy(
        "One value does not fit; the message names the attribute. In the rule's attribute mapping, look at where it "
        "comes "
        "from; userName has to be mapped from Email Address."
    ),
    (400, "invalidValue", "group", ""): lazy(
        "One value does not fit. If the message names members, these people are not here yet: assign them to the "
        "application in {idp} first, then push the group again."
    ),
    (400, "invalidFilter", "", ""): lazy(
        'The filter that {idp} looks people up by is not understood. Use a plain one, such as userName eq "…".'
    ),
    (400, "invalidFilter", "", Idp.PINGONE): lazy(
        'In the connection\'s preferences, set “User Filter Expression” to userName eq "%s".'
    ),
    (400, "invalidPath", "", ""): lazy(
        "The attribute is none that exists here. Compare its name, the URN in front of it included, with the attribute "
        "table of the setup guide."
    ),
    (400, "invalidPath", "", Idp.OKTA): lazy(
        "The attribute is none that exists here. In the Profile Editor, compare its external name and external "
        "namespace "
        "with the setup guide."
    ),
    (400, "invalidPath", "", Idp.ENTRA): lazy(
        "The attribute is none that exists here. In “Edit attribute list for customappsso”, compare its name, the URN "
        "included, with the setup guide."
    ),
    (400, "invalidPath", "", Idp.PINGONE): lazy(
        "The attribute is none that exists here. Compare “Custom Attribute Schema URNs” with the setup guide."
    ),
    (400, "noTarget", "", ""): lazy(
        "The change is about a value that is not there, or about none at all. If it comes again, take the attribute's "
        "mapping out and add it anew."
    ),
    (400, "tooMany", "", ""): lazy("The filter takes too long here. Have {idp} look people up by userName."),
    (400, "invalidSyntax", "", ""): lazy(
        "The request is not well-formed. If {idp} lets you edit what it sends, such as a JSON template, look there "
        "first."
    ),
    (400, "invalidSyntax", "", Idp.ONELOGIN): lazy(
        "The request is not well-formed. In the app's Configuration tab, compare “SCIM JSON Template” with the setup "
        "guide."
    ),
    (400, "", "", ""): lazy(
        "The message says what cannot be read. Compare the settings in {idp} with the setup guide."
    ),
    (405, "", "", ""): lazy(
        "This address does not take that method. Compare the base URL in {idp} with the one on the SCIM provisioning "
        "page."
    ),
    (413, "", "", ""): lazy("The request is too large. Have {idp} send fewer members, or fewer operations, at once."),
}

OTHERWISE = lazy("The message says what is wrong. Compare the settings in {idp} with the setup guide.")

NOTHING: dict[int, Promise] = {
    412: lazy("Two changes met. {idp} reads the resource again and repeats the change."),
    429: lazy("{idp} was faster than the limit. It waits as long as the answer says and goes on by itself."),
    500: lazy("The portal failed. Its operator has a log of it under the request id of this page."),
    501: lazy("{idp} tried a part of SCIM that is not offered here, and works without it."),
    503: lazy("The portal was not available for a moment. {idp} tries again by itself."),
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
    """The advice for a call that was refused or failed; None for others."""
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
