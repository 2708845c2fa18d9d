-- {changes}: rows of the table with `verdict`, and `target_id`, the event id of the fact that
-- stands in its place. {days}: the days of the batch, so that no other partition is read.
MERGE INTO {target} AS t
USING {changes} AS s
ON t.event_date = s.event_date AND t.event_id = s.target_id AND t.event_date IN ({days})
WHEN MATCHED AND s.verdict = 'withdraw' THEN DELETE
WHEN MATCHED AND s.verdict = 'replace' THEN UPDATE SET {assignments}
WHEN NOT MATCHED AND s.verdict = 'insert' THEN INSERT ({columns}) VALUES ({values})
