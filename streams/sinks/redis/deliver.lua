-- KEYS: what the timelines of a shard begin with; what its delivery lists begin with.
-- ARGV: budget; length; slack; how many followers of a part to serve; how many of the first one,
-- and its cursor if not its own (else ''); parts, each an author and a cursor (8 bytes each), a
-- number of posts (2 bytes, big-endian) and their ids (packed, ascending, unique).
-- Returns how many parts are done with; of the next one, how many followers are still to be served
-- and its cursor (or ''); and for each part that has more followers than were to be served, its
-- place (from 0) and its cursor.
local timelines, lists = KEYS[1], KEYS[2]
local budget, length, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local longest = HEADER + ID * (1 + ARGV[2] + ARGV[3])
local call, sub, unpack = redis.call, string.sub, struct.unpack
local BYTES_A_PUSH = 600 -- rewriting so many bytes takes as long as a plain push
local PUSHES_A_LATE_ID = 2 -- and so many pushes take as long as finding the place of a late id

-- Settles a timeline that has become too long, and cuts it; one of another layout, which is cold,
-- is deleted. Returns what it cost.
local function trim(key, size)
  local value = call('GET', key)
  if not is_laid_out(value) then
    call('DEL', key)
    return 1
  end
  local ids, late = settled(value)
  local state, token, sources = state_of(value), token_of(value), sources_of(value)
  ids = trimmed(ids, length)
  call('SET', key, stored(state, token, sources, history_of(value), ids), 'KEEPTTL')
  return size / BYTES_A_PUSH + PUSHES_A_LATE_ID * late
end

-- Serves up to `count` followers (at least one) above the cursor, of one page, as long as the
-- budget lasts. Returns how many, and the cursor of the last ('' when there are no more).
-- Followers without a timeline leave the list.
local function walk(list, count, cursor, ids)
  local followers, key, pivots, page = page_of(list, cursor)
  local at = cursor == ZERO and 1 or upper_bound(followers, cursor)
  local last = not pivots or page + ID > #pivots
  if at > #followers and not last then
    page, at = page + ID, 1
    followers, key = page_at(list, pivots, page)
    last = page + ID > #pivots
  end
  -- A push appends, in whatever order ids come: reading and trimming settle that. What makes a
  -- timeline that was not there is undone.
  local served, gone, new = 0, {}, #ids
  for i = at, #followers, ID do
    cursor, served, at = sub(followers, i, i + ID - 1), served + 1, i + ID
    local timeline = timelines .. cursor
    local size = call('APPEND', timeline, ids)
    if size == new then
      call('DEL', timeline)
      gone[#gone + 1] = i
    elseif size > longest then
      budget = budget - trim(timeline, size)
    end
    if served == count or served >= budget then break end
  end
  budget = budget - served
  local more = at <= #followers or not last
  if #gone > 0 then
    drop(list, gone, followers, key, pivots, page)
    budget = budget - #followers / BYTES_A_PUSH
  end
  return served, more and cursor or ''
end

local left, cursor, parts = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local done, rests, at = 0, {}, 1
while at <= #parts and budget > 0 do
  local from = at + 2 * ID + 2
  local past = from + ID * unpack('>I2', parts, at + 2 * ID)
  if cursor == '' then cursor = sub(parts, at + ID, at + 2 * ID - 1) end
  local list, served = lists .. sub(parts, at, at + ID - 1), nil
  served, cursor = walk(list, left, cursor, sub(parts, from, past - 1))
  budget, left = budget - 1, left - served
  if cursor == '' or left == 0 then
    if cursor ~= '' then rests[#rests + 1], rests[#rests + 2] = done, cursor end
    at, done, left, cursor = past, done + 1, limit, ''
  end
end
return { done, left, cursor, rests }
