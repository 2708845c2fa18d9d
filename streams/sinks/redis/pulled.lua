-- KEYS: pull set. ARGV: authors, packed.
-- Returns what each has pulled (newest id, version), or nothing where the set is not whole.
if redis.call('HGET', KEYS[1], MARK) ~= COMPLETE .. history() then return false end
return #ARGV > 0 and redis.call('HMGET', KEYS[1], unpack(ARGV)) or {}
