-- title: Follower growth by day
-- about: How many follows began and ended each day (UTC, by event time), everybody's together. What changes nothing
--   does not count: following whom one follows already, unfollowing whom one does not follow. For this the acts of
--   each pair are taken in the order of their stamps (time, then event id), from the beginning of the log also where
--   only later days are asked for. So the sum of net is the number of pairs whose last act is a follow, whatever is
--   repeated. A block ends follows without an unfollow; these facts do not tell it, and such a pair counts as
--   following until an unfollow comes. Days without a follow or unfollow have no row.
-- column day: the day, UTC
-- column gained [follows]: follows that began
-- column lost [follows]: follows that ended
-- column net [follows]: gained - lost
-- column following [follows]: pairs following at the end of the day
-- chart: bar x=day y=gained,lost
WITH acts AS (
  SELECT
    event_date AS day,
    event_type,
    LAG(event_type) OVER (
      PARTITION BY follower_id, followee_id ORDER BY occurred_at, event_id
    ) AS previous
  FROM fact_follows
  WHERE event_date <= :until
),
days AS (
  SELECT
    day,
    CAST(SUM(
      CASE WHEN event_type = 'follow' AND COALESCE(previous, 'unfollow') = 'unfollow' THEN 1 ELSE 0 END
    ) AS BIGINT) AS gained,
    CAST(SUM(
      CASE WHEN event_type = 'unfollow' AND previous = 'follow' THEN 1 ELSE 0 END
    ) AS BIGINT) AS lost
  FROM acts
  GROUP BY day
),
totals AS (
  SELECT
    day,
    gained,
    lost,
    gained - lost AS net,
    CAST(SUM(gained - lost) OVER (
      ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS BIGINT) AS following
  FROM days
)
SELECT day, gained, lost, net, following
FROM totals
WHERE day >= :since
ORDER BY day
