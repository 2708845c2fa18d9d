-- KEYS: pull set. ARGV: token; '1' when these are the last; version; then authors and ids in turn.
-- Returns 1, or 0 where the mark is gone, another load's, or of an earlier history.
local mark = redis.call('HGET', KEYS[1], MARK) or ''
if ARGV[2] == '1' and mark == COMPLETE .. history() then return 1 end -- a call without an answer
if string.sub(mark, 1, 57) ~= LOADING .. ARGV[1] .. history() then return 0 end
pulled(KEYS[1], ARGV[3], 4)
if ARGV[2] == '1' then redis.call('HSET', KEYS[1], MARK, COMPLETE .. history()) end
return 1
