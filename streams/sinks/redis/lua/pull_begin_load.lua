-- KEYS: pull set. ARGV: token; after how many seconds another's load is given up.
-- Returns 1, or 0 where the set is whole, or another is loading it: were each to begin anew, many
-- who read at once would never let any load come to its end.
local mark, now = redis.call('HGET', KEYS[1], MARK) or '', tonumber(redis.call('TIME')[1])
if mark == COMPLETE .. history() then return 0 end
local is_loading = string.sub(mark, 1, 1) == LOADING and string.sub(mark, 18, 57) == history()
if is_loading and now - tonumber(string.sub(mark, 58)) < tonumber(ARGV[2]) then return 0 end
redis.call('DEL', KEYS[1]) -- what another life of the server left behind must not be believed
redis.call('HSET', KEYS[1], MARK, LOADING .. ARGV[1] .. history() .. now)
return 1
