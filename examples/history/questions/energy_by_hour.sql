-- How much energy flowed in each hour? Compare only hours that were measured for equally long.
SELECT
    site,
    substr(utc, 1, 13) AS hour,
    round(60 * sum(hours), 1) AS minutes_measured,
    round(sum(pv_power * hours) / 1000, 3) AS solar_kwh,
    round(sum(consumption_power * hours) / 1000, 3) AS consumed_kwh,
    round(sum(imported * hours) / 1000, 3) AS imported_kwh,
    round(sum(exported * hours) / 1000, 3) AS exported_kwh
FROM step
GROUP BY site, hour
ORDER BY site, hour;
