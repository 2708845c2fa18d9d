-- KEYS: what the timelines of a shard begin with; what its delivery lists begin with.
-- ARGV: budget; length; slack; how many followers of a part to serve; how many of the first one,
-- and its cursor if not its own (else ''); readers whose timelines are to be trimmed (packed);
-- parts, each an author, a cursor (8 bytes each), and the bytes between which its posts stand in
-- what comes last (4 bytes each, big-endian, from 0): posts (packed; ascending and unique in each
-- part).
-- Returns how many parts are done with; of the next one, how many followers are still to be served
-- and its cursor (or ''); readers whose timelines are still to be trimmed; and for each part that
-- has more followers than were to be served, its place (from 0) and its cursor.
-- What several parts have for one follower is pushed at once, for a command takes much longer than
-- noting an id.
local timelines, lists = KEYS[1], KEYS[2]
local budget, length, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[4])
local longest = HEADER + ID * (1 + ARGV[2] + ARGV[3])
local call, sub, read = redis.call, string.sub, struct.unpack
-- What takes as long as a push to one timeline:
local BYTES_A_PUSH = 1200 -- rewriting so many
local PUSHES_A_LATE_ID = 1 -- so many, finding the place of a late id
local PUSHES_A_NOTE = 0.1 -- so many, noting ids for a reader who has others noted
local PUSHES_A_PART = 0.3 -- so many, looking for a list
local PART, LEAST_AHEAD, MOST_AHEAD = 2 * ID + 8, 4, 64
local MOST_NOTED = 256 * ID -- a timeline takes in so many in less than a millisecond

-- Settles a timeline that has become too long, and cuts it; one of another layout, which is cold,
-- is deleted. Others have trimmed it, or it is gone: then nothing is to be done.
local function trim(key)
  local value = call('GET', key)
  budget = budget - 1
  if not value or #value <= longest then return end
  if not is_laid_out(value) then
    call('DEL', key)
    return
  end
  local ids, late = settled(value)
  local state, token, sources = state_of(value), token_of(value), sources_of(value)
  ids = trimmed(ids, length)
  call('SET', key, stored(state, token, sources, history_of(value), ids), 'KEEPTTL')
  budget = budget - #value / BYTES_A_PUSH - PUSHES_A_LATE_ID * late
end

local readers, noted = {}, {} -- in the order met; reader -> ids to push
local visits = {} -- of lists: each with the first and the last reader met there

-- Notes ids for the followers from byte `at` up to before `past`, as long as the budget lasts.
-- Returns at which byte it stopped.
local function note(followers, at, past, ids)
  while at < past and budget > 0 do
    local reader = sub(followers, at, at + ID - 1)
    local others = noted[reader]
    if not others then
      readers[#readers + 1] = reader
      noted[reader] = ids
      budget = budget - 1
    elseif #others + #ids > MOST_NOTED then
      budget = 0
      return at
    else
      noted[reader] = others .. ids
      budget = budget - PUSHES_A_NOTE
    end
    at = at + ID
  end
  return at
end

-- Serves up to `count` followers above the cursor, of one page of a list that holds `value`.
-- Returns how many, and the cursor of the last ('' when there are no more).
local function walk(list, value, count, cursor, ids)
  local followers, _, pivots, page = page_in(list, value, cursor)
  local at = cursor == ZERO and 1 or upper_bound(followers, cursor)
  local last = not pivots or page + ID > #pivots
  if at > #followers and not last then
    page, at = page + ID, 1
    followers = page_at(list, pivots, page)
    last = page + ID > #pivots
  end
  local from = at
  at = note(followers, at, math.min(#followers + 1, at + ID * count), ids)
  if at > from then
    cursor = sub(followers, at - ID, at - 1)
    visits[#visits + 1] = { list, sub(followers, from, from + ID - 1), cursor }
  end
  local more = at <= #followers or not last
  return (at - from) / ID, more and cursor or ''
end

-- Takes those of the readers met on a visit who are gone off the list.
local function leave(list, first, last, gone)
  local followers, key, pivots, page = page_of(list, first)
  local places = {}
  for at = lower_bound(followers, 1, first, 1), upper_bound(followers, last) - 1, ID do
    if gone[sub(followers, at, at + ID - 1)] then places[#places + 1] = at end
  end
  if #places > 0 then drop(list, places, followers, key, pivots, page) end
end

-- Pushes what is noted, in whatever order it comes: reading and trimming settle that. Readers
-- without a timeline leave the lists. Returns whose timelines are too long now.
local function push()
  local gone, long = nil, {}
  for i = 1, #readers do
    local reader = readers[i]
    local key, ids = timelines .. reader, noted[reader]
    local size = call('APPEND', key, ids)
    if size == #ids then
      call('DEL', key)
      gone = gone or {}
      gone[reader] = true
    elseif size > longest then
      long[#long + 1] = reader
    end
  end
  if gone then
    for _, visit in ipairs(visits) do leave(visit[1], visit[2], visit[3], gone) end
  end
  return table.concat(long)
end

local trims, parts, posts = ARGV[7], ARGV[8], ARGV[9]
local at = 1
while at <= #trims and budget > 0 do
  trim(timelines .. sub(trims, at, at + ID - 1))
  at = at + ID
end
trims = sub(trims, at)

-- The lists of the parts from byte `at` on, as many as are likely to be walked, in one command.
local function lists_from(at, count)
  local names = {}
  for from = at, math.min(#parts, at + PART * count - 1), PART do
    names[#names + 1] = lists .. sub(parts, from, from + ID - 1)
  end
  return call('MGET', unpack(names)), names
end

local left, cursor = tonumber(ARGV[5]), ARGV[6]
local rests, ahead, place, values, names = {}, LEAST_AHEAD, 0, {}, nil
at = 1
while at <= #parts and budget > 0 do
  if place == #values then
    values, names = lists_from(at, ahead)
    place, ahead = 0, math.min(2 * ahead, MOST_AHEAD)
  end
  local list, value = names[place + 1], values[place + 1]
  budget = budget - PUSHES_A_PART
  local served, rest = 0, ''
  if value then
    if cursor == '' then cursor = sub(parts, at + ID, at + 2 * ID - 1) end
    local from, past = read('>I4I4', parts, at + 2 * ID)
    served, rest = walk(list, value, left, cursor, sub(posts, from + 1, past))
  end
  left, cursor = left - served, rest
  if cursor == '' or left == 0 then
    if cursor ~= '' then rests[#rests + 1], rests[#rests + 2] = (at - 1) / PART, cursor end
    at, place, left, cursor = at + PART, place + 1, limit, ''
  end
end
return { (at - 1) / PART, left, cursor, trims .. push(), rests }
