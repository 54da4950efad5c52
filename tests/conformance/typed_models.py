"""Reads on stdin what a portal answers, as a typed client does; what it cannot take ends it with a traceback.

The documents come as one JSON object: {"config": …, "types": …, "schemas": …, "resources": {"User": …, "Group": …}}.
Models are built from /Schemas as /ResourceTypes puts them together, and the resources are read by them, nothing unknown
allowed.
"""

import json
import sys
from functools import reduce
from operator import or_

from scim2_models import Context, Extension, ListResponse, Resource, ResourceType, Schema, ServiceProviderConfig

documents = json.load(sys.stdin)
ServiceProviderConfig.model_validate(documents["config"])
kinds = ListResponse[ResourceType].model_validate(documents["types"]).resources
schemas = {schema.id: schema for schema in ListResponse[Schema].model_validate(documents["schemas"]).resources}
for kind in kinds:
    model = Resource.from_schema(schemas[str(kind.schema_)])
    extensions = [Extension.from_schema(schemas[str(each.schema_)]) for each in kind.schema_extensions or []]
    if extensions:
        model = model[reduce(or_, extensions)]
    model.model_validate(documents["resources"][kind.name], scim_ctx=Context.RESOURCE_QUERY_RESPONSE)
    sys.stdout.write(f"{kind.name}\n")
