-- KEYS: timeline; what the delivery lists beside it begin with.
-- ARGV: '1' to create the marker, '0' to go on with further authors; token; reader; TTL (s); how
-- many ids a page of a list holds; some of the authors, packed.
-- Returns 1, or 0 where the marker is gone or another load's.
local create, token, reader, ttl = ARGV[1] == '1', ARGV[2], ARGV[3], ARGV[4]
local length, authors = tonumber(ARGV[5]), ARGV[6]
if create then
  local unknown = string.rep('\0', 16)
  redis.call('SET', KEYS[1], stored(LOADING, token, unknown, history(), ZERO), 'EX', ttl)
else
  local value = redis.call('GET', KEYS[1])
  if not value or token_of(value) ~= token then return 0 end
end
for at = 1, #authors, ID do
  register(KEYS[2] .. string.sub(authors, at, at + ID - 1), reader, length)
end
return 1
