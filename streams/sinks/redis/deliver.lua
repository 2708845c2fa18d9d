-- KEYS: delivery lists. ARGV: what timeline keys begin with; budget; length; slack; then per
-- list: how many followers to serve, cursor (packed id), post ids (packed, ascending, unique).
-- Returns per list that was begun: followers served, and the new cursor ('' when finished).
local prefix, budget = ARGV[1], tonumber(ARGV[2])
local length, longest = tonumber(ARGV[3]), HEADER + ID * (1 + ARGV[3] + ARGV[4])

-- Pushes ids onto a timeline. Returns what it cost, or nothing where there is no timeline.
local function push(key, ids)
  local last = redis.call('GETRANGE', key, -ID, -1)
  if last == '' then return nil end
  local size, cost = 0, 1
  if less(last, 1, ids, 1) then
    size = redis.call('APPEND', key, ids)
  else
    local value = redis.call('GET', key)
    local head, old = string.sub(value, 1, HEADER), ids_of(value)
    local new = union(old, ids)
    cost = cost + #ids / ID
    if #new > #old then
      size = HEADER + #new
      redis.call('SET', key, head .. new, 'KEEPTTL')
    end
  end
  if size > longest then
    local value = redis.call('GET', key)
    redis.call('SET', key, string.sub(value, 1, HEADER) .. trimmed(ids_of(value), length), 'KEEPTTL')
  end
  return cost
end

local answer = {}
for i, list in ipairs(KEYS) do
  if budget <= 0 then break end
  local cursor, ids = ARGV[3 * i + 3], ARGV[3 * i + 4]
  local count = math.min(tonumber(ARGV[3 * i + 2]), budget)
  local readers = redis.call('ZRANGEBYLEX', list, '(' .. cursor, '+', 'LIMIT', 0, count + 1)
  local served = 0
  budget = budget - 1
  while served < math.min(count, #readers) and (served == 0 or budget > 0) do
    served = served + 1
    local reader = readers[served]
    local cost = push(prefix .. reader, ids)
    if not cost then redis.call('ZREM', list, reader) end
    budget = budget - (cost or 1)
  end
  answer[#answer + 1] = served
  answer[#answer + 1] = served < #readers and readers[served] or ''
end
return answer
