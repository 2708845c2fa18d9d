-- KEYS: timeline; its authors; what the delivery lists beside it begin with.
-- ARGV: '1' to create the marker, '0' to go on with further authors of a load, '' with those of a
-- timeline; token; reader; TTL of the marker and of the authors (s); how many ids a page of a list
-- holds; some of the authors, packed.
-- Returns 1, or 0 where what has this token is gone.
local step, token, reader, ttl, authors_ttl = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local length, authors = tonumber(ARGV[6]), ARGV[7]
if step == '1' then
  local unknown = string.rep('\0', 16)
  redis.call('SET', KEYS[1], stored(LOADING, token, unknown, history(), ZERO), 'EX', ttl)
  redis.call('SET', KEYS[2], authors, 'EX', authors_ttl)
else
  local value = redis.call('GET', KEYS[1])
  if not value or token_of(value) ~= token then return 0 end
  if step == '0' and redis.call('APPEND', KEYS[2], authors) == #authors then
    redis.call('DEL', KEYS[2]) -- it was lost, and a part would have no TTL
  end
end
for at = 1, #authors, ID do
  register(KEYS[3] .. string.sub(authors, at, at + ID - 1), reader, length)
end
return 1
