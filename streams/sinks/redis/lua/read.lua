-- KEYS: timeline.
-- Returns token, digest of the authors, floor and ids, packed: the ids in any order and maybe repeated
-- or below the floor; or nothing where the timeline cannot answer.
local value = redis.call('GET', KEYS[1])
if value and state_of(value) == COMPLETE and is_current(value) then
  return string.sub(value, 3, 34) .. ids_of(value)
end
return false
