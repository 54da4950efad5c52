"""The addresses of pages about what identity providers push."""

from django.urls import path

from groups_provisioning.views import groups, mappings, rules

urlpatterns = [
    path("groups/", groups.groups, name="groups"),
    path("groups.csv", groups.export, name="groups-export"),
    path("groups/bulk/", mappings.bulk, name="groups-bulk"),
    path("groups/rules/", rules.rule_list, name="rules"),
    path("groups/rules.csv", rules.export, name="rules-export"),
    path("groups/rules/new/", rules.new, name="rule-new"),
    path("groups/rules/test/", rules.test, name="rules-test"),
    path("groups/rules/apply/", rules.apply, name="rules-apply"),
    path("groups/rules/<uuid:rule_id>/", rules.edit, name="rule"),
    path("groups/rules/<uuid:rule_id>/delete/", rules.delete, name="rule-delete"),
    path("groups/rules/<uuid:rule_id>/move/", rules.move, name="rule-move"),
    path("groups/<uuid:group_id>/", groups.group, name="group"),
    path("groups/<uuid:group_id>/members.csv", groups.export_members, name="group-members-export"),
    path("groups/<uuid:group_id>/map/", mappings.map_group, name="group-map"),
    path("groups/<uuid:group_id>/progress/", groups.progress, name="group-progress"),
    path("mappings/<uuid:mapping_id>/approve/", mappings.approve, name="mapping-approve"),
    path("mappings/<uuid:mapping_id>/retarget/", mappings.retarget, name="mapping-retarget"),
    path("mappings/<uuid:mapping_id>/reject/", mappings.reject, name="mapping-reject"),
]
