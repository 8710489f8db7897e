"""The scene host: manifests, discovery, loading, workflows, and where each scene is enabled.

Names no scene. May be imported by cases, dispatch and the app; scenes themselves import `gongzhi.plugin` only.
"""
