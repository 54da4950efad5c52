"""The three built-in profiles (SPEC section 2) in the shape the protocol takes them."""

from scim.protocol.dialect import Dialect, Profile
from scim.protocol.schema import Attribute, Schema

CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
LAMBDA = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:User"
TESTMU = "urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:User"
LAMBDA_GROUP = "urn:ietf:params:scim:schemas:extension:LambdaTest:2.0:Group"
TESTMU_GROUP = "urn:ietf:params:scim:schemas:extension:TestMu AI:2.0:Group"
TESTOMAT = "urn:ietf:params:scim:schemas:extension:testomat:2.0:User"
UNKNOWN = "urn:acme:badges:2.0:User"

standard = Dialect(Profile(roles=("Admin", "Member")))

lambdatest = Dialect(
    Profile(
        roles=("Admin", "User", "Guest"),
        user_extension=Schema(
            LAMBDA,
            "LambdaTest User",
            "Role and placement.",
            (
                Attribute("OrganizationRole", "The user's role."),
                Attribute("LambdatestGroup", "The name of a concurrency group."),
            ),
            (TESTMU,),
        ),
        role_attribute="OrganizationRole",
        placement_attribute="LambdatestGroup",
        group_extension=Schema(
            LAMBDA_GROUP,
            "LambdaTest Group",
            "Roles of all members.",
            (Attribute("LambdatestRoles", "Roles that every member has.", multi_valued=True),),
            (TESTMU_GROUP,),
        ),
        group_role_attribute="LambdatestRoles",
        user_name_is_email=True,
        user_name_mutable=False,
    )
)

testomat = Dialect(
    Profile(
        roles=("manager", "billing", "read", "qa"),
        user_extension=Schema(
            TESTOMAT,
            "Testomat User",
            "Roles.",
            (Attribute("testomat_roles", "The user's roles.", multi_valued=True),),
        ),
        role_attribute="testomat_roles",
        user_name_is_email=True,
    )
)
