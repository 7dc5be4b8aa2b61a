-- How much of the solar energy is used at home, and how much of the consumption does it cover?
SELECT
    site,
    substr(utc, 1, 10) AS day,
    round(sum(hours), 2) AS hours_measured,
    round(sum(pv_power * hours) / 1000, 2) AS solar_kwh,
    round(sum(consumption_power * hours) / 1000, 2) AS consumed_kwh,
    round(sum(imported * hours) / 1000, 2) AS imported_kwh,
    round(sum(exported * hours) / 1000, 2) AS exported_kwh,
    round(100 - 100 * sum(exported * hours) / nullif(sum(pv_power * hours), 0)) AS self_consumed_percent,
    round(100 - 100 * sum(imported * hours) / nullif(sum(consumption_power * hours), 0)) AS covered_percent
FROM step
GROUP BY site, day
ORDER BY site, day;
