-- KEYS: timeline. ARGV: digest of sources.
-- Returns floor and ids packed, the ids in any order and maybe repeated or below the floor; or
-- nothing where the timeline cannot answer.
local value = redis.call('GET', KEYS[1])
if value and state_of(value) == COMPLETE and sources_of(value) == ARGV[1] and is_current(value) then
  return ids_of(value)
end
return false
