"""Seeded bugs in how posts reach home feeds."""

from tests.mutations.mutation import Mutation

_HOME = "streams/serving/feed/home.py"
_POLICY = "streams/projections/tier_policy.py"

_MERGE = ("tests/property/test_merge_property.py",)
_TESTS = (
    "tests/unit/projections/test_tier_policy.py",
    "tests/unit/agents/test_tier_crossing.py",
    "tests/unit/serving/test_celebrity_cache.py",
    "tests/unit/agents/test_agents.py",
    "tests/property/test_tiers_property.py",
    "tests/property/test_home_timelines_property.py",
)

FEEDS = (
    Mutation(
        "pull-not-told",
        "a celebrity's post is neither pushed nor pulled: no warm feed shows it",
        "FanOut._pull",
        "            self._services.pulls.pull(posts)\n",
        "",
        _TESTS,
    ),
    Mutation(
        "pull-not-durable",
        "when Redis is lost, so is the knowledge of whom to pull",
        "FanOut._pull",
        "            self._services.sink.apply(Effects(pulls=pulls))\n",
        "",
        _TESTS,
    ),
    Mutation(
        "grown-not-pulled",
        "the post at which an author becomes a celebrity reaches the first page of followers only",
        "FanOut.distribute",
        "        self._pull(_of(grown, posts))\n",
        "",
        _TESTS,
    ),
    Mutation(
        "decision-not-told",
        "a tier stands of which the log knows nothing",
        "FanOut._record",
        "        self._services.send([change])\n",
        "",
        _TESTS,
    ),
    Mutation(
        "late-post-decides",
        "an old post that arrives late overturns a newer decision",
        "FanOut._decide_tier",
        "if row and id_time(post_id) <= row.stamp.occurred_at:",
        "if False:",
        _TESTS,
    ),
    Mutation(
        "demotion-forgets-pulled-posts",
        "who is no celebrity any more loses the posts that were pulled",
        _HOME,
        "    missed = {a: held for a, held in pulled.items() if held.newest > timeline.floor}\n",
        "    decided = views.tiers.tiers(pulled)\n"
        "    missed = {\n"
        "        a: held\n"
        "        for a, held in pulled.items()\n"
        "        if held.newest > timeline.floor and decided[a].tier == 'CELEBRITY'\n"
        "    }\n",
        _TESTS,
    ),
    Mutation(
        "pulled-below-floor",
        "pulled posts at a timeline's floor and below come twice, out of order",
        _HOME,
        ", before, above=floor)",
        ", before)",
        _TESTS,
    ),
    Mutation(
        "merge-repeats",
        "a post that was pushed to some and then pulled shows twice",
        "union",
        "        if post_id != last:\n            yield post_id\n",
        "        if True:\n            yield post_id\n",
        _TESTS,
    ),
    Mutation(
        "merge-stops-at-a-chunk",
        "of an author who writes often only the newest posts are in a feed",
        "_Merge._fetch",
        "bottom = kept[-1] if len(ids) == chunk else found.until",
        "bottom = found.until",
        _MERGE,
    ),
    Mutation(
        "unread-post-lost",
        "a post that comes late takes another's place in a feed that is being read",
        "_Merge._fetch",
        "kept = [head, *(post_id for post_id in ids if post_id < head)]",
        "kept = ids",
        _MERGE,
    ),
    Mutation(
        "authors-asked-one-by-one",
        "a timeline of a thousand authors takes two hundred questions to build",
        "_Merge._refill",
        "source.bottom >= cursor or (source.bottom > max(depth, 0) and source.left < chunk)",
        "source.bottom >= cursor",
        _MERGE,
    ),
    Mutation(
        "months-before-forgotten",
        "posts of those who wrote nothing this month are missing below a month's posts of others",
        "_Merge._fetch",
        "            heapq.heappush(self._heads, (-found.until, _NO_AUTHOR))\n",
        "            pass\n",
        _MERGE,
    ),
    Mutation(
        "others-posts-passed-by",
        "where one author's posts are asked for, others' of the same time are passed by",
        "_Merge._fetch",
        "            bottom = kept[-1] if len(ids) == chunk else found.until\n",
        "            bottom = kept[-1] if len(ids) == chunk else 0\n",
        _MERGE,
    ),
    Mutation(
        "half-a-month-is-all",
        "a month of which not all posts were told counts as read",
        "streams/sinks/cassandra/tables/author_posts.py",
        "until = first_id(month)\n",
        "until = first_id(month) - (31 << 49)\n",
        ("tests/integration/test_store_cassandra.py",),
        stack=True,
    ),
    Mutation(
        "last-month-left-out",
        "after a follow, a new followee's posts of the month where the timeline ends do not show",
        "streams/sinks/cassandra/tables/author_posts.py",
        "months = range(oldest, month_of(until))",
        "months = range(oldest + 1, month_of(until))",
        ("tests/integration/test_store_cassandra.py",),
        stack=True,
    ),
    Mutation(
        "merge-stops-too-early",
        "the first post above a timeline's floor is missing",
        "_Merge.ids",
        "if post_id <= self._above:",
        "if post_id <= self._above + 1:",
        _MERGE,
    ),
    Mutation(
        "old-list-serves",
        "a celebrity's new post does not show where the older ones were read",
        "CelebrityCache._lists",
        "if held is not None and held.version == version:",
        "if held is not None:",
        _TESTS,
    ),
    Mutation(
        "list-ends-early",
        "a celebrity's older posts do not show",
        "CelebrityCache.posts_of",
        "if held.complete or len(ids) == limit:",
        "if True:",
        _TESTS,
    ),
    Mutation(
        "no-hysteresis",
        "an author on the border changes tier with every post",
        _POLICY,
        "limits.relax if _RANK[current] >= _RANK[tier] else 1.0",
        "1.0",
        _TESTS,
    ),
    Mutation(
        "set-believed-in-part",
        "after a loss of Redis the pull set knows only who posted since, and is believed",
        "streams/sinks/redis/lua/pulled.lua",
        "if redis.call('HGET', KEYS[1], MARK) ~= COMPLETE .. history() then return false end\n",
        "",
        ("tests/integration/test_pull_set_redis.py",),
        stack=True,
    ),
    Mutation(
        "newest-by-arrival",
        "a late post hides that newer ones were pulled",
        "streams/sinks/redis/lua/common.lua",
        "if held and less(id, 1, held, 1) then id = string.sub(held, 1, ID) end",
        "if false then id = string.sub(held, 1, ID) end",
        ("tests/integration/test_pull_set_redis.py",),
        stack=True,
    ),
    Mutation(
        "pulled-of-whom-was-followed",
        "posts of a celebrity who was followed since this process last looked do not show",
        "FeedContextLoader.load",
        "followed is not None and followed.digest == context.digest",
        "followed is not None",
        ("tests/unit/serving/test_feed_context.py", *_TESTS),
    ),
    Mutation(
        "whom-is-followed-never-learnt",
        "after the first follow every page asks for the pulled authors twice",
        "FeedContextLoader.load",
        "        if followed is not None and followed.digest == context.digest:\n",
        "        if followed is not None and followed.digest != context.digest:\n"
        "            return context\n"
        "        if followed is not None:\n",
        ("tests/unit/serving/test_feed_context.py",),
    ),
)
