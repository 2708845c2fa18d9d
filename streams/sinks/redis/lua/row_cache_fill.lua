-- KEYS: prefix of the rows' keys. ARGV: token; then id, TTL (s) and packed row, in turn.
-- Fills in what is leased or being refreshed under the token in the server's present life, and
-- nothing else.
local now = history()
local lease, refreshing = VERSION .. LOADING .. now .. ARGV[1], VERSION .. REFRESHING .. now .. ARGV[1]
for i = 2, #ARGV, 3 do
  local key = KEYS[1] .. ARGV[i]
  local value = redis.call('GET', key)
  if value == lease or (value and string.sub(value, 1, #refreshing) == refreshing) then
    redis.call('SET', key, VERSION .. COMPLETE .. now .. ARGV[i + 2], 'EX', ARGV[i + 1])
  end
end
return 1
