"""Seeded bugs in copies of rows, and in timelines that are made to fit."""

from tests.mutations.mutation import Mutation

_DROPPING = "streams/caching/invalidating_sink.py"
_REFIT_REGISTERS = (
    "    if not caches.timelines.register_reader(reader, held.token, added):\n        return\n"
)
_REFIT_READS = (
    "    merged = merge_author_posts("
    "posts.recent_posts, added, None, caches.length + 1, held.floor)\n"
    "    ids, below = _newest(merged, caches.length)\n"
)

_TESTS = (
    "tests/unit/caching/test_cached_rows.py",
    "tests/unit/serving/test_warm_timeline.py",
    "tests/property/test_home_timelines_property.py",
    "tests/property/test_tiers_property.py",
)
_STORIES = ("tests/property/test_cached_stories_property.py",)
_SEEN = ("tests/property/test_seen_stories_property.py",)
_REDIS_COPIES = ("tests/integration/test_row_cache_redis.py",)
_REDIS_TIMELINES = ("tests/integration/test_timelines_redis.py",)

COPIES = (
    Mutation(
        "copies-dropped-first",
        "a row is copied between the drop and its change, and stays as it was",
        "InvalidatingSink.apply",
        "        self._durable.apply(effects)\n"
        "        if authors:\n"
        "            self._stories.invalidate(authors)\n"
        "        self._add_views(effects.views)\n"
        "        if posts := set(_posts(effects)):\n"
        "            self._posts.invalidate(posts)\n"
        "        if users := set(_users(effects)):\n"
        "            self._relations.invalidate(users)\n",
        "        if posts := set(_posts(effects)):\n"
        "            self._posts.invalidate(posts)\n"
        "        if users := set(_users(effects)):\n"
        "            self._relations.invalidate(users)\n"
        "        self._durable.apply(effects)\n",
        _TESTS,
    ),
    Mutation(
        "deleted-post-stays",
        "a deleted post is shown until its copy expires",
        _DROPPING,
        "(effects.create_posts, effects.edit_posts, effects.delete_posts)",
        "(effects.create_posts, effects.edit_posts)",
        _TESTS,
    ),
    Mutation(
        "edited-post-stays",
        "an edited post is shown as it was",
        _DROPPING,
        "(effects.create_posts, effects.edit_posts, effects.delete_posts)",
        "(effects.create_posts, effects.delete_posts)",
        _TESTS,
    ),
    Mutation(
        "other-create-stays",
        "of two creates of one id the one that lost is shown",
        _DROPPING,
        "(effects.create_posts, effects.edit_posts, effects.delete_posts)",
        "(effects.edit_posts, effects.delete_posts)",
        _TESTS,
    ),
    Mutation(
        "blocked-does-not-notice",
        "who was blocked goes on seeing the posts of who blocked",
        _DROPPING,
        "        if change.relation is Relation.BLOCK:\n            yield change.target_id\n",
        "",
        _TESTS,
    ),
    Mutation(
        "filled-without-lease",
        "who was not given the lease fills in what it read",
        "ReadThroughRows._fetch_posts",
        "            if i in lookup.leased\n",
        "",
        _TESTS,
    ),
    Mutation(
        "short-lived-celebrities",
        "a celebrity's posts are copied for half an hour, like everybody's",
        "streams/caching/ttl.py",
        "    Tier.CELEBRITY: 6 * HOUR_S,\n",
        "    Tier.CELEBRITY: HOUR_S // 2,\n",
        _TESTS,
    ),
    Mutation(
        "old-read-filled-in",
        "what was read before a change is filled in after it",
        "streams/sinks/redis/lua/row_cache_fill.lua",
        "  if value == lease or (value and string.sub(value, 1, #refreshing) == refreshing) then\n",
        "  if true then\n",
        _REDIS_COPIES,
        stack=True,
    ),
    Mutation(
        "renewal-taken-over",
        "of two workers that renew one copy, one fills in a number that lacks the other's change",
        "streams/sinks/redis/lua/row_cache_refresh.lua",
        " and state_of(value) == COMPLETE",
        "",
        _REDIS_COPIES,
        stack=True,
    ),
    Mutation(
        "renewal-of-another",
        "whoever renews fills in what another leased",
        "streams/sinks/redis/lua/row_cache_fill.lua",
        "#refreshing) == refreshing)",
        "2) == VERSION .. REFRESHING)",
        _REDIS_COPIES,
        stack=True,
    ),
    Mutation(
        "copies-outlive-failover",
        "after a fail-over a copy of an earlier moment is believed",
        "streams/sinks/redis/lua/common.lua",
        " and string.sub(value, 3, ROW_HEADER) == now",
        "",
        _REDIS_COPIES,
        stack=True,
    ),
    Mutation(
        "refit-reads-first",
        "a post between reading and registering is missing from a timeline made to fit",
        "_refit",
        _REFIT_REGISTERS + _REFIT_READS,
        _REFIT_READS + _REFIT_REGISTERS,
        _TESTS,
    ),
    Mutation(
        "refit-forgets-older-posts",
        "posts that a new followee wrote before the follow do not show",
        "_refit",
        "caches.timelines.extend(reader, held, ids, max(held.floor, below), authors, digest)",
        "caches.timelines.extend(reader, held, [], max(held.floor, below), authors, digest)",
        _TESTS,
    ),
    Mutation(
        "refit-floor-ignored",
        "of a new followee's posts, more than a timeline takes, the older ones are lost",
        "_refit",
        "caches.timelines.extend(reader, held, ids, max(held.floor, below), authors, digest)",
        "caches.timelines.extend(reader, held, ids, held.floor, authors, digest)",
        _TESTS,
    ),
    Mutation(
        "refit-believes-any-list",
        "a timeline whose list of authors was lost is taken to be of nobody's",
        "_refit",
        "followed_digest(before) != held.digest or ",
        "",
        _TESTS,
    ),
    Mutation(
        "refit-over-another",
        "of two reads that make one timeline fit, the slower undoes what the other did",
        "streams/sinks/redis/lua/extend.lua",
        "if sources_of(value) ~= was then return 0 end",
        "",
        _REDIS_TIMELINES,
        stack=True,
    ),
    Mutation(
        "build-reads-first",
        "a post between reading and registering is missing from a timeline built anew",
        "_build",
        "    token = caches.timelines.begin_load(reader, authors)\n"
        "    if token is None:\n        return None\n"
        "    merged = merge_author_posts(posts.recent_posts, authors, None, caches.length + 1)\n"
        "    ids, floor = _newest(merged, caches.length)\n",
        "    merged = merge_author_posts(posts.recent_posts, authors, None, caches.length + 1)\n"
        "    ids, floor = _newest(merged, caches.length)\n"
        "    token = caches.timelines.begin_load(reader, authors)\n"
        "    if token is None:\n        return None\n",
        _TESTS,
    ),
    Mutation(
        "stories-stay-as-read",
        "a story made or deleted after somebody has looked shows late",
        "InvalidatingSink.apply",
        "            self._stories.invalidate(authors)\n",
        "            pass\n",
        _STORIES,
    ),
    Mutation(
        "unseen-for-hours",
        "stories that were viewed stay unseen",
        "InvalidatingSink.apply",
        "        self._add_views(effects.views)\n",
        "",
        _STORIES,
    ),
    Mutation(
        "what-was-known-before",
        "a view between two questions of one read is unseen again",
        "ReadThroughStories.viewed",
        "            known = Seen.unpack(packed) if packed else Seen()\n",
        "",
        _SEEN,
    ),
    Mutation(
        "every-view-one-of-a-story",
        "after a view of anything the reader's tray takes all that it showed for seen",
        "Seen.with_views",
        "viewed = self.unseen.intersection(ids)",
        "viewed = self.unseen",
        _STORIES,
    ),
    Mutation(
        "taken-over-still-shown",
        "a story that is another's by an earlier create shows among both authors'",
        "InvalidatingSink._story_authors",
        "        if effects.contested_stories:\n",
        "        if False:\n",
        _STORIES,
    ),
    Mutation(
        "ended-by-then-missing",
        "who asks as of a moment ago misses what has ended since",
        "ReadThroughStories.current_stories",
        "            if since <= now:\n",
        "            if True:\n",
        _STORIES,
    ),
    Mutation(
        "clock-ahead-never-shown",
        "a story by a clock that is a minute ahead does not show while the copy lives",
        "ReadThroughStories.current_stories",
        "max(now, wall) + STORIES_AHEAD_MS",
        "now",
        _STORIES,
    ),
    Mutation(
        "renewed-without-the-rest",
        "what was seen turns unseen when another story comes",
        "ReadThroughStories.viewed",
        "        seen |= requested & known.seen\n",
        "",
        _STORIES,
    ),
)
