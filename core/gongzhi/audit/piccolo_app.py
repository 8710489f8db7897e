"""The audit room's tables, as a Piccolo app; found through the entry point group `gongzhi.migrations`."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

APP_CONFIG = AppConfig(
    app_name="gongzhi_audit",
    migrations_folder_path=str(Path(__file__).parent / "migrations"),
    migration_dependencies=["gongzhi.store.piccolo_app"],
)
