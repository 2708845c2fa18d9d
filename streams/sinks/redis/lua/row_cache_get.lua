-- KEYS: prefix of the rows' keys. ARGV: token; TTL of a lease (s); ids, packed.
-- A cached row is a string: 1 byte version, 1 state, 40 replication id. Complete: the row as packed.
-- Leased: 16 token. Being refreshed: 16 token, the row.
-- Returns for each id its row, or 1 where the caller now holds the lease, or 0 where another does.
local now, ids, keys, found = history(), ARGV[3], {}, {}
for at = 1, #ids, ID do
  keys[#keys + 1] = KEYS[1] .. string.sub(ids, at, at + ID - 1)
end
for i, value in ipairs(redis.call('MGET', unpack(keys))) do
  local row = cached_row(value, now)
  if row then
    found[i] = row
  elseif is_of_life(value, now) then
    found[i] = 0
  else
    redis.call('SET', keys[i], VERSION .. LOADING .. now .. ARGV[1], 'EX', ARGV[2])
    found[i] = 1
  end
end
return found
