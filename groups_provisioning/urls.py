"""The addresses of pages that join people with groups."""

from django.urls import path

from groups_provisioning.pages import previews
from groups_provisioning.pages.activity import views as activity
from groups_provisioning.pages.conflicts import views as conflicts
from groups_provisioning.pages.entities import then_views as entities_then
from groups_provisioning.pages.entities import views as entities
from groups_provisioning.pages.entities.kind_words import WORDS
from groups_provisioning.pages.global_search import views as global_search
from groups_provisioning.pages.groups import end_views, mapping_views
from groups_provisioning.pages.groups import then_views as groups_then
from groups_provisioning.pages.groups import views as groups
from groups_provisioning.pages.held import views as held
from groups_provisioning.pages.invitations import views as invitations
from groups_provisioning.pages.people import account_views, erasing_views, placement_views, then_views
from groups_provisioning.pages.people import views as people
from groups_provisioning.pages.proposals import views as proposals
from groups_provisioning.pages.rules import then_views as rules_then
from groups_provisioning.pages.rules import views as rules

people_pages = [
    path("people/", people.people, name="people"),
    path("people.csv", people.export, name="people-export"),
    path("people/admins/", people.admins, name="admins"),
    path("people/invitations/", invitations.invitation_list, name="invitations"),
    path("people/invitations/new/", invitations.new, name="invitation-new"),
    path("people/invitations/<uuid:invitation_id>/resend/", invitations.resend, name="invitation-resend"),
    path("people/invitations/<uuid:invitation_id>/revoke/", invitations.revoke, name="invitation-revoke"),
    path("invitation/<str:secret>/", invitations.join, name="invitation"),
    path("people/<uuid:user_id>/", people.person, name="person"),
    path("people/<uuid:user_id>/then/", then_views.person_then, name="person-then"),
    path("people/<uuid:user_id>/roles/", people.roles, name="person-roles"),
    path("people/<uuid:user_id>/erase/", erasing_views.erase, name="person-erase"),
    path("people/<uuid:user_id>/deactivate/", account_views.deactivate, name="person-deactivate"),
    path("people/<uuid:user_id>/activate/", account_views.activate, name="person-activate"),
    path("people/<uuid:user_id>/places/new/", placement_views.place_person, name="person-place"),
    path("people/<uuid:user_id>/places/<uuid:entity_id>/take-out/", placement_views.take_out, name="person-take-out"),
    path("people/<uuid:user_id>/places/<uuid:entity_id>/put-back/", placement_views.put_back, name="person-put-back"),
]

entity_pages = [
    path("entities/<uuid:entity_id>/", entities.entity, name="entity"),
    path("entities/<uuid:entity_id>/then/", entities_then.entity_then, name="entity-then"),
    path("entities/<uuid:entity_id>/members.csv", entities.export_members, name="entity-members-export"),
    path("entities/<uuid:entity_id>/rename/", entities.rename_entity, name="entity-rename"),
    path("entities/<uuid:entity_id>/limit/", entities.limit_entity, name="entity-limit"),
    path("entities/<uuid:entity_id>/delete/", entities.delete_entity, name="entity-delete"),
    path("entities/<uuid:entity_id>/members/new/", placement_views.place_in_entity, name="entity-place"),
]
for kind, words in WORDS.items():
    entity_pages += [
        path(f"{words.url}/", entities.entities_of, {"kind": kind}, name=words.url),
        path(f"{words.url}.csv", entities.export, {"kind": kind}, name=f"{words.url}-export"),
        path(f"{words.url}/new/", entities.new_entity, {"kind": kind}, name=f"{words.url}-new"),
    ]

search_pages = [path("search/", global_search.search, name="search")]

activity_pages = [
    path("activity/", activity.changes, name="activity"),
    path("activity.csv", activity.export, name="activity-export"),
    path("activity/<uuid:change_id>/", activity.change, name="change"),
]

group_pages = [
    path("groups/", groups.groups, name="groups"),
    path("groups.csv", groups.export, name="groups-export"),
    path("groups/bulk/", mapping_views.bulk, name="groups-bulk"),
    path("groups/rules/", rules.both_lists, name="rules"),
    path("groups/rules/then/", rules_then.rules_then, name="rules-then"),
    path("groups/rules.csv", rules.export, name="rules-export"),
    path("groups/rules/new/", rules.new, name="rule-new"),
    path("groups/rules/new-role/", rules.new_role_rule, name="role-rule-new"),
    path("groups/rules/test/", rules.test, name="rules-test"),
    path("groups/rules/apply/", rules.apply, name="rules-apply"),
    path("groups/rules/order/", rules.order, name="rules-order"),
    path("groups/rules/<uuid:rule_id>/", rules.edit, name="rule"),
    path("groups/rules/<uuid:rule_id>/delete/", rules.delete, name="rule-delete"),
    path("groups/<uuid:group_id>/", groups.group, name="group"),
    path("groups/<uuid:group_id>/members.csv", groups.export_members, name="group-members-export"),
    path("groups/<uuid:group_id>/then/", groups_then.group_then, name="group-then"),
    path("groups/<uuid:group_id>/map/", mapping_views.map_group, name="group-map"),
    path("groups/<uuid:group_id>/end/", end_views.end, name="group-end"),
    path("groups/<uuid:group_id>/undo-end/", end_views.undo_end, name="group-undo-end"),
    path("groups/<uuid:group_id>/role/", mapping_views.give_role, name="group-role"),
    path("groups/<uuid:group_id>/in-sync/", mapping_views.in_sync, name="group-in-sync"),
    path("groups/<uuid:group_id>/history/", groups.history, name="group-history"),
    path("groups/<uuid:group_id>/progress/", groups.progress, name="group-progress"),
    path("mappings/<uuid:mapping_id>/approve/", mapping_views.approve, name="mapping-approve"),
    path("mappings/<uuid:mapping_id>/retarget/", mapping_views.retarget, name="mapping-retarget"),
    path("mappings/<uuid:mapping_id>/reject/", mapping_views.reject, name="mapping-reject"),
    path("previews/<uuid:run_id>/", previews.preview, name="preview"),
]

conflict_pages = [
    path("groups/conflicts/", conflicts.conflicts, name="conflicts"),
    path("groups/conflicts.csv", conflicts.export, name="conflicts-export"),
    path("groups/conflicts/decide/", conflicts.decide, name="conflicts-decide"),
    path("groups/conflicts/resolved/", conflicts.resolved, name="conflicts-resolved"),
    path("groups/conflicts/resolved.csv", conflicts.export_resolved, name="conflicts-resolved-export"),
    path("groups/conflicts/resolved/<int:decision_id>/undo/", conflicts.undo, name="conflict-undo"),
    path("groups/conflicts/resolved/changes/<uuid:change_id>/undo/", conflicts.undo_all, name="conflicts-undo"),
]

held_pages = [
    path("held-changes/", held.held_changes, name="held-changes"),
    path("held-changes/limits/", held.limits, name="held-changes-limits"),
    path("held-changes/<uuid:breach_id>/let-through/", held.let_through, name="held-changes-let-through"),
]

proposal_pages = [
    path("second-admin/", proposals.proposal_list, name="proposals"),
    path("second-admin/<uuid:proposal_id>/", proposals.proposal, name="proposal"),
    path("second-admin/<uuid:proposal_id>/refuse/", proposals.refuse, name="proposal-refuse"),
    path("second-admin/<uuid:proposal_id>/withdraw/", proposals.withdraw, name="proposal-withdraw"),
    path("settings/two-persons/", proposals.two_persons, name="two-persons"),
]

urlpatterns = [
    *search_pages,
    *activity_pages,
    *people_pages,
    *entity_pages,
    *group_pages,
    *conflict_pages,
    *held_pages,
    *proposal_pages,
]
