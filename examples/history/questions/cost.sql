-- What did watching cost, and what did it bring? A call that did not end was cut off by a kill.
SELECT
    site,
    substr(utc, 1, 10) AS day,
    count(*) AS calls,
    round(count(*) * 0.10, 2) AS dollars,
    sum(CASE WHEN ended = 'planned' THEN 1 ELSE 0 END) AS planned,
    sum(CASE WHEN readings = 0 THEN 1 ELSE 0 END) AS without_readings,
    sum(CASE WHEN ended IS NULL THEN 1 ELSE 0 END) AS not_ended,
    sum(readings) AS readings
FROM call
GROUP BY site, day
ORDER BY site, day;
