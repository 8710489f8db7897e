"""Signing in through OIDC providers: the protocol's client, its doors, and whose account an outside identity is.

Which providers there are is in `gongzhi.identity.providers`.
"""
