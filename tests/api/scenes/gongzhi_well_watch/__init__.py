"""A scene for tests of the API: well watch; its rules are the workflow's defaults."""
