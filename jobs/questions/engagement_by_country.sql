-- title: Engagement by country
-- about: What people did from where, over the days asked for (UTC, by event time). The country is that of the actor's
--   profile when it happened: of the version in dim_users that actor_sk names; 'unknown' where the profile tells none
--   or is not known yet. Whoever moved counts in each country with what was done there. A version's likes of one
--   content count once, also if taken back; every other act counts. Views of one's own content are left out. Equal
--   engagement is ordered by country.
-- column country: ISO 3166-1 alpha-2, or unknown
-- column people [people]: distinct people who did any of it, viewing included
-- column engagement [acts]: likes + comments + reposts + story_replies
-- column per_person [acts a person]: engagement / people
-- column likes [likes]: distinct pairs of a person and a content that was liked
-- column comments [comments]: comments on posts
-- column reposts [reposts]: reposts
-- column story_replies [replies]: comments on stories
-- column views [views]: views, each time counted
-- chart: bar x=country y=engagement
WITH acts AS (
  SELECT
    actor_sk,
    actor_id,
    COUNT(DISTINCT CASE WHEN event_type = 'like' THEN content_id END) AS likes,
    SUM(CASE WHEN event_type = 'comment' THEN 1 ELSE 0 END) AS comments,
    SUM(CASE WHEN event_type = 'repost' THEN 1 ELSE 0 END) AS reposts,
    SUM(CASE WHEN event_type = 'story_reply' THEN 1 ELSE 0 END) AS story_replies,
    SUM(CASE WHEN event_type = 'view' THEN 1 ELSE 0 END) AS views
  FROM fact_engagement
  WHERE event_date BETWEEN :since AND :until
    AND event_type <> 'unlike'
    AND (event_type <> 'view' OR owner_id IS NULL OR owner_id <> actor_id)
  GROUP BY actor_sk, actor_id
),
countries AS (
  SELECT
    COALESCE(u.country, 'unknown') AS country,
    COUNT(DISTINCT a.actor_id) AS people,
    CAST(SUM(a.likes) AS BIGINT) AS likes,
    CAST(SUM(a.comments) AS BIGINT) AS comments,
    CAST(SUM(a.reposts) AS BIGINT) AS reposts,
    CAST(SUM(a.story_replies) AS BIGINT) AS story_replies,
    CAST(SUM(a.views) AS BIGINT) AS views
  FROM acts a
  LEFT JOIN dim_users u ON u.user_sk = a.actor_sk
  GROUP BY COALESCE(u.country, 'unknown')
)
SELECT
  country,
  people,
  likes + comments + reposts + story_replies AS engagement,
  CAST(likes + comments + reposts + story_replies AS DOUBLE) / people AS per_person,
  likes,
  comments,
  reposts,
  story_replies,
  views
FROM countries
ORDER BY engagement DESC, country
LIMIT :limit
