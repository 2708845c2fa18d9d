-- KEYS: timeline. ARGV: token; digest of the authors; floor and ids, packed and ascending; length;
-- TTL (s). Returns 1, or 0 where the marker is gone, another load's, or of an earlier history.
local token, sources, loaded, length, ttl = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local value = redis.call('GET', KEYS[1])
if not value or token_of(value) ~= token or not is_current(value) then return 0 end
if state_of(value) == COMPLETE then return 1 end -- the client repeats a call it got no answer to
-- Where deliveries were trimmed meanwhile, theirs is the floor.
local ids = trimmed(joined(loaded, (settled(value))), length)
redis.call('SET', KEYS[1], stored(COMPLETE, token, sources, history(), ids), 'EX', ttl)
return 1
