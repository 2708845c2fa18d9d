-- {rows}: the dimension's rows as they are now, of the ids that a batch touched.
MERGE INTO {target} AS t
USING {rows} AS s
ON t.{key} = s.{key} AND t.{key} BETWEEN {first} AND {last}
WHEN MATCHED AND NOT ({same}) THEN UPDATE SET {assignments}
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})
