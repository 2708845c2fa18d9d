-- KEYS: what the copies' keys begin with. ARGV: token; TTL of a lease (s); ids, packed.
-- A copy is a string: 1 byte version, 1 state. Complete: 40 replication id, then the row as packed.
-- Leased: 40 replication id, 16 token.
-- Returns for each id its row, or 1 where the caller now holds the lease, or 0 where another does.
local now, ids, found = history(), ARGV[3], {}
for at = 1, #ids, ID do
  local key = KEYS[1] .. string.sub(ids, at, at + ID - 1)
  local value = redis.call('GET', key)
  if value and (not is_laid_out(value) or string.sub(value, 3, 42) ~= now) then value = false end
  if not value then
    redis.call('SET', key, VERSION .. LOADING .. now .. ARGV[1], 'EX', ARGV[2])
    found[#found + 1] = 1
  elseif state_of(value) == COMPLETE then
    found[#found + 1] = string.sub(value, 43)
  else
    found[#found + 1] = 0
  end
end
return found
