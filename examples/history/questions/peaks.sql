-- Which quarters of an hour drew the most from the grid? Only those measured for five minutes.
SELECT
    site,
    substr(min(utc), 1, 16) AS since,
    round(sum(imported * hours) / sum(hours)) AS mean_import_w,
    max(grid_power) AS highest_w,
    round(60 * sum(hours), 1) AS minutes_measured
FROM step
WHERE grid_power IS NOT NULL
GROUP BY site, ms - ms % 900000
HAVING sum(hours) >= 5.0 / 60
ORDER BY mean_import_w DESC, since, site
LIMIT 10;
