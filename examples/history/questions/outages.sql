-- When was the grid away, and what did the battery hold before and after? Unknown is no outage.
SELECT
    site,
    min(utc) AS began,
    max(utc) AS last_seen,
    round((max(ms) - min(ms)) / 60000.0, 1) AS minutes,
    max(battery_soc) AS highest_charge,
    min(battery_soc) AS lowest_charge
FROM (
    SELECT
        *,
        -- The same for all readings of an outage: how many others came before.
        sum(CASE WHEN grid_status = 'Off Grid' THEN 0 ELSE 1 END)
            OVER (PARTITION BY site ORDER BY ms) AS others
    FROM reading
) AS counted
WHERE grid_status = 'Off Grid'
GROUP BY site, others
ORDER BY site, began;
