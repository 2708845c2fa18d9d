-- {rows}: one row of dim_users per user not known yet.
MERGE INTO {target} AS t
USING {rows} AS s
ON t.user_sk = s.user_sk AND t.user_id = s.user_id
WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})
