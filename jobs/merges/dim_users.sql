-- {actions}: `action` (insert, update or delete) and a row of dim_users, at most one per key.
MERGE INTO {target} AS t
USING {actions} AS s
ON t.user_sk = s.user_sk AND t.user_id = s.user_id
WHEN MATCHED AND s.action = 'delete' THEN DELETE
WHEN MATCHED AND s.action <> 'delete' THEN UPDATE SET {assignments}
WHEN NOT MATCHED AND s.action <> 'delete' THEN INSERT ({columns}) VALUES ({values})
