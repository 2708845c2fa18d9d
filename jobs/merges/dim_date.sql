-- {rows}: days; those that are there stay.
MERGE INTO {target} AS t
USING {rows} AS s
ON t.date = s.date
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})
