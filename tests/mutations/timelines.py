"""Seeded bugs in the scripts that keep timelines and delivery lists in Redis."""

from tests.mutations.mutation import Mutation

_REDIS = "streams/sinks/redis/"
_TESTS = (
    "tests/integration/test_delivery_lists.py",
    "tests/integration/test_timelines_redis.py",
    "tests/integration/test_timelines_interrupted.py",
)


def _seeded(name: str, harm: str, file: str, old: str, new: str) -> Mutation:
    return Mutation(name, harm, _REDIS + file, old, new, tests=_TESTS, stack=True)


TIMELINES = (
    # Timelines
    _seeded(
        "push-onto-cold",
        "a delivery makes a timeline of one post, which reads as whole",
        "lua/deliver.lua",
        "      call('DEL', key)\n      gone = gone or {}\n",
        "      gone = gone or {}\n",
    ),
    _seeded(
        "floor-ignored",
        "old posts show above the floor, and those between them are missing",
        "timeline_cache.py",
        "distinct[bisect_right(distinct, floor) :]",
        "distinct[:]",
    ),
    _seeded(
        "trimmed-by-arrival",
        "a replay of old posts pushes out the newest ones",
        "lua/deliver.lua",
        "local ids, late = settled(value)",
        "local ids, late = ids_of(value), 0",
    ),
    _seeded(
        "late-posts-unsorted",
        "late posts lose their places, or are lost, in a trim",
        "lua/common.lua",
        "  table.sort(late, function(a, b) return less(a, 1, b, 1) end)\n",
        "",
    ),
    _seeded(
        "late-posts-repeated",
        "a post that came late twice stands twice, and pushes out another",
        "lua/common.lua",
        "and id ~= before and",
        "and",
    ),
    _seeded(
        "installed-as-it-came",
        "what was pushed while loading is united in the wrong order",
        "lua/complete_load.lua",
        "joined(loaded, (settled(value)))",
        "joined(loaded, ids_of(value))",
    ),
    _seeded(
        "trim-for-ever",
        "a trimmed timeline never expires, and misses a delivery that was lost to age",
        "lua/deliver.lua",
        ", 'KEEPTTL')",
        ")",
    ),
    _seeded(
        "another-layout-read",
        "a timeline of an older layout counts as warm, and is on no list",
        "lua/common.lua",
        "COMPLETE, REFRESHING = '\\2'",
        "COMPLETE, REFRESHING = '\\1'",
    ),
    _seeded(
        "another-layout-trimmed",
        "a timeline of an older layout stops the worker",
        "lua/deliver.lua",
        "  if not is_laid_out(value) then\n    call('DEL', key)\n    return\n  end\n",
        "",
    ),
    _seeded(
        "long-ones-forgotten",
        "timelines grow for ever",
        "lua/deliver.lua",
        "  return table.concat(long)\n",
        "  return ''\n",
    ),
    _seeded(
        "last-author-only",
        "of what several authors have for a reader, only the last one's is pushed",
        "lua/deliver.lua",
        "noted[reader] = others .. ids",
        "noted[reader] = ids",
    ),
    _seeded(
        "noted-without-end",
        "a batch of many posts for one reader holds up the server",
        "lua/deliver.lua",
        "elseif #others + #ids > MOST_NOTED then",
        "elseif false then",
    ),
    _seeded(
        "no-number-in-order",
        "ids that are no number as a double stand out of order, and newest ones are cut",
        "lua/common.lua",
        "    if id > last then\n",
        "    if not (id <= last) then\n",
    ),
    # Delivery lists
    _seeded(
        "registered-twice",
        "a reader stands on a list twice",
        "lua/lists.lua",
        "  if string.sub(ids, at, at + ID - 1) == id then return end\n",
        "",
    ),
    _seeded(
        "cursor-served-again",
        "the last follower of a page is the first of the next: no page ends",
        "lua/lists.lua",
        "  if string.sub(ids, at, at + ID - 1) == id then return at + ID end\n",
        "",
    ),
    _seeded(
        "pivot-too-high",
        "a reader of a split page is looked for, and registered again, in the other half",
        "lua/lists.lua",
        "  local pivot = pivot_of(high)\n",
        "  local pivot = pivot_of(string.sub(high, ID + 1))\n",
    ),
    _seeded(
        "first-page-forgotten",
        "with the last reader of the first page those of the second are lost",
        "lua/lists.lua",
        "    redis.call('RENAME', list .. string.sub(pivots, page, page + ID - 1), key)\n",
        "    redis.call('DEL', key)\n",
    ),
    _seeded(
        "end-of-a-page",
        "a delivery ends with the first page of a list",
        "lua/deliver.lua",
        "local more = at <= #followers or not last\n",
        "local more = at <= #followers\n",
    ),
    _seeded(
        "cold-readers-stay",
        "lists keep everybody who ever read",
        "lua/deliver.lua",
        "  if #places > 0 then drop(list, places, followers, key, pivots, page) end\n",
        "",
    ),
    _seeded(
        "one-cursor-for-all",
        "the next author's first followers, up to the last one's cursor, get nothing",
        "lua/deliver.lua",
        "place, left, cursor = at + PART, place + 1, limit, ''",
        "place, left, cursor = at + PART, place + 1, limit, cursor",
    ),
)
