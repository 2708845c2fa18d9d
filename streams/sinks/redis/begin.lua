-- KEYS: timeline, delivery lists of some of the authors.
-- ARGV: '1' to create the marker, '0' to go on with further authors; token; reader; TTL (s).
-- Returns 1, or 0 where the marker is gone or another load's.
local create, token, reader, ttl = ARGV[1] == '1', ARGV[2], ARGV[3], ARGV[4]
if create then
  local unknown = string.rep('\0', 16)
  local floor = string.rep('\0', ID)
  redis.call('SET', KEYS[1], header(LOADING, token, unknown) .. floor, 'EX', ttl)
else
  local value = redis.call('GET', KEYS[1])
  if not value or token_of(value) ~= token then return 0 end
end
for i = 2, #KEYS do
  redis.call('ZADD', KEYS[i], 0, reader)
end
return 1
