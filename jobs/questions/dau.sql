-- title: Daily active users
-- about: A person is active on a day (UTC, by event time) who did anything that the log tells: liked, took a like
--   back, viewed, commented, reposted or replied to a story (fact_engagement), published a post, reply, repost or
--   story (dim_posts, dim_stories, deleted ones included), followed or unfollowed (fact_follows). Each person counts
--   once a day however much was done, and by user_id, so that a change of profile makes nobody two. Days on which
--   nobody did anything have no row.
-- column day: the day, UTC
-- column active_users [people]: distinct people active on it
-- chart: line x=day y=active_users
WITH active AS (
  SELECT event_date AS day, actor_id AS user_id
  FROM fact_engagement
  WHERE event_date BETWEEN :since AND :until
  UNION
  SELECT created_date, author_id
  FROM dim_posts
  WHERE created_date BETWEEN :since AND :until
  UNION
  SELECT created_date, author_id
  FROM dim_stories
  WHERE created_date BETWEEN :since AND :until
  UNION
  SELECT event_date, follower_id
  FROM fact_follows
  WHERE event_date BETWEEN :since AND :until
)
SELECT day, COUNT(*) AS active_users
FROM active
GROUP BY day
ORDER BY day
