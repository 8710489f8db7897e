"""Gongzhi's minimal core: identity, audit trail and messaging, and a host for scenes.

Scenes import `gongzhi.plugin` and nothing else of ours; edges import the rooms they need.
"""

__version__ = "0.1.0"
