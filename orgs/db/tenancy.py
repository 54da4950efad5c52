"""Tenancy: which org a row belongs to, in queries and in the database itself (SPEC O7)."""

from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from django.db import models
from django.db.backends.ddl_references import Statement
from django.utils.translation import gettext_lazy as _

from orgs.db.keys import FoldingQuerySet

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable

    from orgs.models import Organization

Row = TypeVar("Row", bound=models.Model)


class TenantQuerySet(FoldingQuerySet[Row]):
    """Rows of one org at a time. Another org's rows do not exist here."""

    def for_org(self, org: "Organization | UUID") -> Self:
        """The rows of an org. org: also its id, where no more of it is loaded."""
        return self.filter(org=org)


class TenantKey(models.BaseConstraint):
    """A foreign key `(org_id, <field>_id)`: a row can only point to rows of its own org.

    It replaces the single-column key that Django would make, so the field itself has `db_constraint=False`, and the
    target model has a unique `(org, id)`. deferred: checked at the end of the transaction, for when the target row is
    written last.
    """

    def __init__(self, *, field: str, name: str, deferred: bool = False) -> None:
        super().__init__(name=name)
        self.field = field
        self.deferred = deferred

    def deconstruct(self) -> Any:
        path, _, options = super().deconstruct()
        return path, (), {**options, "field": self.field} | ({"deferred": True} if self.deferred else {})

    def constraint_sql(self, model: Any, schema_editor: Any) -> None:  # type: ignore[override]
        # During CREATE TABLE the other table may not exist yet: add the key with Django's own deferred keys.
        schema_editor.deferred_sql.append(self.create_sql(model, schema_editor))

    def create_sql(self, model: Any, schema_editor: Any) -> Any:
        quote = schema_editor.quote_name
        column = model._meta.get_field(self.field)
        return Statement(
            "ALTER TABLE %(table)s ADD CONSTRAINT %(name)s "
            "FOREIGN KEY (%(org)s, %(column)s) REFERENCES %(to)s (%(to_org)s, %(to_id)s)%(when)s",
            table=quote(model._meta.db_table),
            name=quote(self.name),
            org=quote(model._meta.get_field("org").column),
            column=quote(column.column),
            to=quote(column.related_model._meta.db_table),
            to_org=quote("org_id"),
            to_id=quote(column.target_field.column),
            when=" DEFERRABLE INITIALLY DEFERRED" if self.deferred else "",
        )

    def remove_sql(self, model: Any, schema_editor: Any) -> Any:
        return Statement(
            "ALTER TABLE %(table)s DROP CONSTRAINT %(name)s",
            table=schema_editor.quote_name(model._meta.db_table),
            name=schema_editor.quote_name(self.name),
        )

    def validate(self, *args: Any, **kwargs: Any) -> None:
        """Left to the database."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TenantKey) and (self.name, self.field, self.deferred) == (
            other.name,
            other.field,
            other.deferred,
        )

    def __hash__(self) -> int:
        return hash((self.name, self.field))


def tenant(
    related_name: str = "+", *, constrained: bool = True
) -> "models.ForeignKey[Organization | Combinable, Organization]":
    """The `org` column. Unconstrained where a `TenantKey` of the model already proves that the org exists.

    It has no index of its own: every query by org also uses another column, whose index begins with org.
    """
    return models.ForeignKey(
        "orgs.Organization",
        on_delete=models.PROTECT,
        related_name=related_name,
        db_index=False,
        db_constraint=constrained,
        verbose_name=_("organization"),
    )


def tenant_foreign_key(to: Any, **options: Any) -> Any:
    """A column enforced by a `TenantKey` of the same model, which prevents deletion of the target row."""
    return models.ForeignKey(to, on_delete=models.DO_NOTHING, db_constraint=False, **options)
