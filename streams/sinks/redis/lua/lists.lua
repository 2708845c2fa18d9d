-- Put after common.lua. A delivery list holds ids of 8 bytes, big-endian, strictly ascending, in
-- one string as long as they are few. One that outgrows a page becomes a directory: the list's key
-- then holds the *pivots*, ascending, and beside it lies a page for each, named list .. pivot, with
-- the ids from its pivot up to the next one. A pivot is an id with the top bit set, which no id
-- has: so the first byte tells which it is. The first pivot is that of 0. No page is empty.
local ZERO = string.rep('\0', ID)

-- The pivot of the first of some ids.
local function pivot_of(ids)
  return string.char(string.byte(ids) + 128) .. string.sub(ids, 2, ID)
end

-- Where the first id stands that is greater than `id`; one past the end if there is none.
local function upper_bound(ids, id)
  local at = lower_bound(ids, 1, id, 1)
  if string.sub(ids, at, at + ID - 1) == id then return at + ID end
  return at
end

-- The page whose pivot stands at byte `at`: its ids and its key.
local function page_at(list, pivots, at)
  local key = list .. string.sub(pivots, at, at + ID - 1)
  return redis.call('GET', key), key
end

-- The page where `id` is or would be, of a list that holds `value`: its ids; its key; the list's
-- pivots, nil where it is not split; and at which of their bytes this page's stands.
local function page_in(list, value, id)
  if not value then return '', list end
  if string.byte(value) < 128 then return value, list end
  local at = upper_bound(value, pivot_of(id)) - ID
  local ids, key = page_at(list, value, at)
  return ids, key, value, at
end

local function page_of(list, id) return page_in(list, redis.call('GET', list), id) end

-- Stores a page that has become too large as two.
local function split(list, ids, key, pivots, at)
  local half = math.floor(#ids / ID / 2) * ID
  local low, high = string.sub(ids, 1, half), string.sub(ids, half + 1)
  if not pivots then
    pivots, at = pivot_of(ZERO), 1
    key = list .. pivots
  end
  local pivot = pivot_of(high)
  local before, after = string.sub(pivots, 1, at + ID - 1), string.sub(pivots, at + ID)
  redis.call('SET', key, low)
  redis.call('SET', list .. pivot, high)
  redis.call('SET', list, before .. pivot .. after)
end

-- Puts an id on a list whose pages hold up to `length` ids, once.
local function register(list, id, length)
  local ids, key, pivots, page = page_of(list, id)
  local at = lower_bound(ids, 1, id, 1)
  if string.sub(ids, at, at + ID - 1) == id then return end
  ids = string.sub(ids, 1, at - 1) .. id .. string.sub(ids, at)
  if #ids > length * ID then
    split(list, ids, key, pivots, page)
  else
    redis.call('SET', key, ids)
  end
end

-- Deletes a page, and with the last one the list. In the place of the first comes the second.
local function forget(list, key, pivots, page)
  if not pivots or #pivots == ID then
    redis.call('DEL', key, list)
    return
  end
  if page == 1 then
    page = page + ID
    redis.call('RENAME', list .. string.sub(pivots, page, page + ID - 1), key)
  else
    redis.call('DEL', key)
  end
  redis.call('SET', list, string.sub(pivots, 1, page - 1) .. string.sub(pivots, page + ID))
end

-- Takes the ids that stand at the bytes `gone` (ascending) off a page, in one write.
local function drop(list, gone, ids, key, pivots, page)
  local parts, from = {}, 1
  for i, at in ipairs(gone) do
    parts[i] = string.sub(ids, from, at - 1)
    from = at + ID
  end
  local left = table.concat(parts) .. string.sub(ids, from)
  if left == '' then
    forget(list, key, pivots, page)
  else
    redis.call('SET', key, left)
  end
end
