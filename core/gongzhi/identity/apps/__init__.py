"""Registered apps: their registration, what people let them do in their name, and the secrets that stand for it.

The doors `/auth/…` of all this are in `gongzhi.identity.oauth`; what a scope permits is in `gongzhi.identity.scopes`.
"""
