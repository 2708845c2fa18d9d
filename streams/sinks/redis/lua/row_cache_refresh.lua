-- KEYS: prefix of the rows' keys. ARGV: token; ids, packed.
-- Returns for each id the cached row, which from now on may be replaced under the token, or 0.
local now, ids, found = history(), ARGV[2], {}
for at = 1, #ids, ID do
  local key = KEYS[1] .. string.sub(ids, at, at + ID - 1)
  local value = redis.call('GET', key)
  if is_of_life(value, now) and state_of(value) == COMPLETE then
    local row = string.sub(value, ROW_HEADER + 1)
    redis.call('SET', key, VERSION .. REFRESHING .. now .. ARGV[1] .. row, 'KEEPTTL')
    found[#found + 1] = row
  else
    if value then
      redis.call('UNLINK', key)
    end
    found[#found + 1] = 0
  end
end
return found
