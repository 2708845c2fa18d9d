-- {rows}: event_date, event_id and the restated columns. {days}: the days that they lie in.
MERGE INTO {target} AS t
USING {rows} AS s
ON t.event_date = s.event_date AND t.event_id = s.event_id AND t.event_date IN ({days})
WHEN MATCHED THEN UPDATE SET {copied}
