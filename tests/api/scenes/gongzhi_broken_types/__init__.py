"""A scene for tests of the API: broken types; its rules are the workflow's defaults."""
