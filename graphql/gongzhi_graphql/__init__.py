"""The GraphQL edge: scenes of a region composed into one typed API, and the HTTP door in front of it.

Imports `gongzhi`; nothing of ours imports this. The host finds it by the entry point `gongzhi.edges`.
"""
