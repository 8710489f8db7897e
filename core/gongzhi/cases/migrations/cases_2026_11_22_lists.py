"""Indexes for lists: cases newest first, in a county, in a city and in all; search rows know place and time."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.table import Table

ID = "2026-11-22T00:00:00:000020"
VERSION = "1.38.0"
DESCRIPTION = "indexes for lists"

SQL = """
CREATE INDEX cases_newest ON cases (updated_at DESC, id DESC);
CREATE INDEX cases_of_city ON cases ("left"(region, 4), updated_at DESC, id DESC);
CREATE INDEX cases_of_county ON cases (region, updated_at DESC, id DESC);
CREATE STATISTICS cases_of_province ON ("left"(region, 2)) FROM cases;
DROP INDEX cases_region;
ALTER TABLE case_search ADD COLUMN region text, ADD COLUMN updated_at timestamptz;
UPDATE case_search s SET region = c.region, updated_at = c.updated_at FROM cases c WHERE c.id = s.case_id;
ALTER TABLE case_search ALTER COLUMN region SET NOT NULL, ALTER COLUMN updated_at SET NOT NULL;
CREATE STATISTICS case_search_of_province ON ("left"(region, 2)) FROM case_search;
CREATE STATISTICS case_search_of_city ON ("left"(region, 4)) FROM case_search;
ANALYZE cases;
ANALYZE case_search;
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="gongzhi_cases", description=DESCRIPTION)

    async def create() -> None:
        await Table.raw(SQL)

    manager.add_raw(create)
    return manager
