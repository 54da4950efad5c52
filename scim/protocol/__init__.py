"""SCIM 2.0 (RFC 7643, RFC 7644, RFC 9865) in plain Python: no Django, no database, no clock.

A `Dialect` is compiled once from a profile; everything else takes one of its resource types and turns what an identity
provider sent into plain values, or raises `ScimError`.
"""
