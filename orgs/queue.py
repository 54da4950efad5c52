"""The queue of people to settle: the only module that says how a `Mark` is written."""

MARK = "INSERT INTO orgs_mark (org_id, user_id, change_id) SELECT %(org)s, user_id, %(change)s FROM {touched}"
"""Marks for the column `user_id` of what `touched` names; part of the statement that touches these people."""
