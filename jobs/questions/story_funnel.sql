-- title: Story funnel by day
-- about: How many of the people who viewed stories on a day (UTC, by event time) also liked one on that day, and how
--   many of those also replied to one. Each step is part of the one before it; it need not be the same story, nor does
--   the order within the day matter. A like counts also if taken back. What owners do with their own stories is left
--   out. Days on which nobody viewed a story have no row.
-- column day: the day, UTC
-- column viewers [people]: distinct people who viewed a story
-- column likers [people]: those of them who also liked a story
-- column repliers [people]: those of the likers who also replied to a story
-- column repliers_without_like [people]: viewers who replied to a story and liked none
-- column like_rate: likers / viewers
-- column reply_rate: repliers / likers; 0 where nobody liked
-- chart: line x=day y=viewers,likers,repliers
WITH people AS (
  SELECT
    event_date AS day,
    MAX(CASE WHEN event_type = 'like' THEN 1 ELSE 0 END) AS liked,
    MAX(CASE WHEN event_type = 'story_reply' THEN 1 ELSE 0 END) AS replied
  FROM fact_engagement
  WHERE event_date BETWEEN :since AND :until
    AND content_kind = 'STORY'
    AND event_type IN ('view', 'like', 'story_reply')
    AND (owner_id IS NULL OR owner_id <> actor_id)
  GROUP BY event_date, actor_id
  HAVING MAX(CASE WHEN event_type = 'view' THEN 1 ELSE 0 END) = 1
),
days AS (
  SELECT
    day,
    COUNT(*) AS viewers,
    CAST(SUM(liked) AS BIGINT) AS likers,
    CAST(SUM(liked * replied) AS BIGINT) AS repliers,
    CAST(SUM((1 - liked) * replied) AS BIGINT) AS repliers_without_like
  FROM people
  GROUP BY day
)
SELECT
  day,
  viewers,
  likers,
  repliers,
  repliers_without_like,
  CAST(likers AS DOUBLE) / viewers AS like_rate,
  CASE WHEN likers = 0 THEN 0.0 ELSE CAST(repliers AS DOUBLE) / likers END AS reply_rate
FROM days
ORDER BY day
