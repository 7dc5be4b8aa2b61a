-- What is kept, in SQLite and DuckDB alike. Times are UTC: `ms` in milliseconds, `utc` as text.
CREATE TABLE IF NOT EXISTS reading (
    site BIGINT NOT NULL,
    ms BIGINT NOT NULL,
    utc TEXT NOT NULL,
    pv_power BIGINT,
    consumption_power BIGINT,
    grid_power BIGINT,
    battery_power BIGINT,
    generator_power BIGINT,
    battery_soc BIGINT,
    grid_status TEXT,
    battery_mode TEXT,
    PRIMARY KEY (site, ms)
);

-- The calls that were counted, from the ledger: each is $0.10.
CREATE TABLE IF NOT EXISTS call (
    site BIGINT NOT NULL, utc TEXT NOT NULL, ended TEXT, readings BIGINT
);

-- The time between two readings of a site. A gap of more than 30 s is left out: what happened in it
-- is not known, and no sum below makes it up.
CREATE VIEW IF NOT EXISTS step AS
SELECT
    *,
    (ms - before_ms) / 3600000.0 AS hours,
    (grid_power + abs(grid_power)) / 2.0 AS imported,
    (abs(grid_power) - grid_power) / 2.0 AS exported
FROM (SELECT *, lag(ms) OVER (PARTITION BY site ORDER BY ms) AS before_ms FROM reading) AS pair
WHERE ms - before_ms <= 30000;
