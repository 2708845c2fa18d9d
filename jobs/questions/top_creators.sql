-- title: Top creators of a week
-- about: Whose content drew the most engagement in the newest ISO week (Monday to Sunday, UTC, by event time) that
--   has facts between the first and the last day asked for; the week is cut at those days. Engagement is a like, a
--   comment, a repost or a story reply by somebody else. A person's likes of one content count once, also if taken
--   back; each comment, repost and reply counts. Content whose owner its events do not tell is left out. Equal
--   engagement is ordered by creator_id.
-- column creator: handle as of now; the user_id where none is known, as for a deleted account
-- column creator_id: the user whose content it is
-- column engagement [acts]: likes + comments + reposts + story_replies
-- column people [people]: distinct people behind them
-- column likes [likes]: distinct pairs of a person and a content that was liked
-- column comments [comments]: comments on posts
-- column reposts [reposts]: reposts
-- column story_replies [replies]: comments on stories
-- column week_start: Monday of the week
-- chart: bar x=creator y=engagement
WITH newest AS (
  SELECT CAST(DATE_TRUNC('week', MAX(event_date)) AS DATE) AS week_start
  FROM fact_engagement
  WHERE event_date BETWEEN :since AND :until
),
acts AS (
  SELECT owner_id, actor_id, event_type, COUNT(*) AS times, COUNT(DISTINCT content_id) AS contents
  FROM fact_engagement
  WHERE event_date BETWEEN :since AND :until
    AND event_date >= (SELECT week_start FROM newest)
    AND event_type IN ('like', 'comment', 'repost', 'story_reply')
    AND owner_id <> actor_id
  GROUP BY owner_id, actor_id, event_type
),
creators AS (
  SELECT
    owner_id,
    CAST(SUM(CASE WHEN event_type = 'like' THEN contents ELSE times END) AS BIGINT) AS engagement,
    COUNT(DISTINCT actor_id) AS people,
    CAST(SUM(CASE WHEN event_type = 'like' THEN contents ELSE 0 END) AS BIGINT) AS likes,
    CAST(SUM(CASE WHEN event_type = 'comment' THEN times ELSE 0 END) AS BIGINT) AS comments,
    CAST(SUM(CASE WHEN event_type = 'repost' THEN times ELSE 0 END) AS BIGINT) AS reposts,
    CAST(SUM(CASE WHEN event_type = 'story_reply' THEN times ELSE 0 END) AS BIGINT) AS story_replies
  FROM acts
  GROUP BY owner_id
  ORDER BY engagement DESC, owner_id
  LIMIT :limit
)
SELECT
  COALESCE(u.handle, CAST(c.owner_id AS STRING)) AS creator,
  c.owner_id AS creator_id,
  c.engagement,
  c.people,
  c.likes,
  c.comments,
  c.reposts,
  c.story_replies,
  n.week_start
FROM creators c
CROSS JOIN newest n
LEFT JOIN dim_users u ON u.user_id = c.owner_id AND u.is_current
ORDER BY c.engagement DESC, c.owner_id
