-- KEYS: what the copies' keys begin with. ARGV: token; TTL of a lease (s); ids, packed.
-- A copy is a string: 1 byte version, 1 state, 40 replication id. Complete: the row as packed.
-- Leased: 16 token. Being renewed: 16 token, the row.
-- Returns for each id its row, or 1 where the caller now holds the lease, or 0 where another does.
local now, ids, found = history(), ARGV[3], {}
for at = 1, #ids, ID do
  local key = KEYS[1] .. string.sub(ids, at, at + ID - 1)
  local value = redis.call('GET', key)
  local row = copied(value, now)
  if row then
    found[#found + 1] = row
  elseif is_of_life(value, now) then
    found[#found + 1] = 0
  else
    redis.call('SET', key, VERSION .. LOADING .. now .. ARGV[1], 'EX', ARGV[2])
    found[#found + 1] = 1
  end
end
return found
