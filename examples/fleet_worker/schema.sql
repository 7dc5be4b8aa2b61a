-- Both statements are one transaction: two workers must not make the table at once.
SELECT pg_advisory_xact_lock(1765);
-- Whole numbers of any size fit, and a reading of a site and moment is there once.
CREATE TABLE IF NOT EXISTS reading (
    site bigint,
    at timestamptz,
    pv_power numeric,
    consumption_power numeric,
    grid_power numeric,
    battery_power numeric,
    generator_power numeric,
    battery_soc numeric,
    grid_status text,
    battery_mode text,
    PRIMARY KEY (site, at)
);
