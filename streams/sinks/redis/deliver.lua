-- KEYS: delivery lists. ARGV: what timeline keys begin with; budget; length; slack; then per
-- list: how many followers to serve, cursor (packed id), post ids (packed, ascending, unique).
-- Returns per list that was begun: followers served, and the new cursor ('' when finished).
local prefix, budget = ARGV[1], tonumber(ARGV[2])
local length, longest = tonumber(ARGV[3]), HEADER + ID * (1 + ARGV[3] + ARGV[4])
local PAGE = 64
local BYTES_A_PUSH = 600 -- rewriting so many bytes takes as long as a plain push

-- Puts ids among those of a timeline. Only its end is read and written, from below the least of
-- them on: late posts are mostly a little late. Returns the new size and how many bytes it saw.
local function insert(key, ids)
  local size, window = redis.call('STRLEN', key), 32 * ID
  local start, old
  repeat
    start = math.max(HEADER, size - window)
    old = redis.call('GETRANGE', key, start, -1)
    window = window * 8
  until start == HEADER or less(old, 1, ids, 1)
  local new = union(old, ids)
  if #new > #old then redis.call('SETRANGE', key, start, new) end
  return start + #new, #old
end

-- Pushes ids onto a timeline. Returns what it cost, or nothing where there is no timeline.
local function push(key, ids)
  local last = redis.call('GETRANGE', key, -ID, -1)
  if last == '' then return nil end
  local cost, size, seen = 1, 0, 0
  if less(last, 1, ids, 1) then
    size = redis.call('APPEND', key, ids)
  else
    size, seen = insert(key, ids)
    cost = cost + #ids / ID + seen / BYTES_A_PUSH
  end
  if size > longest then
    local value = redis.call('GET', key)
    redis.call('SET', key, string.sub(value, 1, HEADER) .. trimmed(ids_of(value), length), 'KEEPTTL')
    cost = cost + size / BYTES_A_PUSH
  end
  return cost
end

-- Serves up to `count` followers above the cursor, less when the budget is used up.
-- Returns how many, and the cursor of the last ('' when there are no more).
local function walk(list, count, cursor, ids)
  local served = 0
  while true do
    local page = math.min(count - served, PAGE)
    local readers = redis.call('ZRANGEBYLEX', list, '(' .. cursor, '+', 'LIMIT', 0, page + 1)
    for j = 1, math.min(page, #readers) do
      cursor, served = readers[j], served + 1
      local cost = push(prefix .. cursor, ids)
      if not cost then redis.call('ZREM', list, cursor) end
      budget = budget - (cost or 1)
      if served == count or budget <= 0 then return served, j < #readers and cursor or '' end
    end
    if #readers <= page then return served, '' end
  end
end

local answer = {}
for i, list in ipairs(KEYS) do
  if budget <= 0 then break end
  budget = budget - 1
  local served, cursor = walk(list, tonumber(ARGV[3 * i + 2]), ARGV[3 * i + 3], ARGV[3 * i + 4])
  answer[#answer + 1] = served
  answer[#answer + 1] = cursor
end
return answer
