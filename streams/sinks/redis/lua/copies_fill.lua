-- KEYS: what the copies' keys begin with. ARGV: token; then id, TTL (s) and packed row, in turn.
-- Fills in what is leased or being renewed under the token in the server's present life, and
-- nothing else.
local now = history()
local lease, renewing = VERSION .. LOADING .. now .. ARGV[1], VERSION .. RENEWING .. now .. ARGV[1]
for i = 2, #ARGV, 3 do
  local key = KEYS[1] .. ARGV[i]
  local value = redis.call('GET', key)
  if value == lease or (value and string.sub(value, 1, #renewing) == renewing) then
    redis.call('SET', key, VERSION .. COMPLETE .. now .. ARGV[i + 2], 'EX', ARGV[i + 1])
  end
end
return 1
