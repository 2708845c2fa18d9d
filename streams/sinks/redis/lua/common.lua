-- Put before every script. A timeline is one string:
--   1 byte version, 1 state, 16 token, 16 digest of the authors, 40 replication id, 4 how many ids
--   stand in order, then ids of 8 bytes, big-endian. The first is the floor, the others are posts:
--   so many as told strictly ascending from the floor on, then whatever was pushed, as it came.
-- Ids are compared as two unsigned halves: a double cannot hold one, and the order of Lua
-- strings follows the server's locale.
local VERSION, LOADING, COMPLETE, REFRESHING = '\2', 'L', 'C', 'R'
local HEADER, ID = 78, 8

-- Names one history of the data: changes with a restart, and with every promotion of a replica.
local function history()
  return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

local function state_of(value) return string.sub(value, 2, 2) end
local function token_of(value) return string.sub(value, 3, 18) end
local function sources_of(value) return string.sub(value, 19, 34) end
local function history_of(value) return string.sub(value, 35, 74) end
local function ids_of(value) return string.sub(value, HEADER + 1) end

-- A timeline of ids that all stand in order.
local function stored(state, token, sources, history, ids)
  return VERSION .. state .. token .. sources .. history .. struct.pack('>I4', #ids / ID) .. ids
end

local function is_laid_out(value) return string.sub(value, 1, 1) == VERSION end

-- Whether this server has written the value in its present life, in this layout.
local function is_current(value)
  return is_laid_out(value) and history_of(value) == history()
end

-- Whether the id at byte i of a is less than the id at byte j of b.
local function less(a, i, b, j)
  local a_high, a_low = struct.unpack('>I4I4', a, i)
  local b_high, b_low = struct.unpack('>I4I4', b, j)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

-- The byte at which the first id of `ids` stands that is not less than the one at byte j of b,
-- searched from byte `from` on; one past the end if there is none.
local function lower_bound(ids, from, b, j)
  local low, high = (from - 1) / ID, #ids / ID
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(ids, middle * ID + 1, b, j) then low = middle + 1 else high = middle end
  end
  return low * ID + 1
end

-- The union of a floor with ids (strictly ascending) and further ids (ascending), without what
-- the floor covers.
local function union(ids, more)
  local parts, from, id = {}, 1, nil
  for j = 1, #more, ID do
    local at, before = lower_bound(ids, from, more, j), id
    id = string.sub(more, j, j + ID - 1)
    if at > 1 and id ~= before and string.sub(ids, at, at + ID - 1) ~= id then
      parts[#parts + 1] = string.sub(ids, from, at - 1)
      parts[#parts + 1] = id
      from = at
    end
  end
  parts[#parts + 1] = string.sub(ids, from)
  return table.concat(parts)
end

-- The union of two floors with ids (strictly ascending), complete above the larger floor.
local function joined(a, b)
  local ids = union(a, b)
  if less(a, 1, b, 1) then return string.sub(ids, lower_bound(ids, 1, b, 1)) end
  return ids
end

-- The floor and ids of a timeline in order, each once, without what the floor covers; and how
-- many had come late. The bits of an id are read as those of a double, for of two positive doubles
-- the greater one has the greater bits; of ids that are no number as a double, and so greater than
-- none, all count as late.
local function settled(value)
  local ids, parts, late, from = ids_of(value), {}, {}, 1
  local told = ID * struct.unpack('>I4', value, HEADER - 3)
  local last = struct.unpack('>d', ids, told - ID + 1)
  for at = told + 1, #ids, ID do
    local id = struct.unpack('>d', ids, at)
    if id > last then
      last = id
    else
      parts[#parts + 1] = string.sub(ids, from, at - 1)
      late[#late + 1] = string.sub(ids, at, at + ID - 1)
      from = at + ID
    end
  end
  if #late == 0 then return ids, 0 end
  table.sort(late, function(a, b) return less(a, 1, b, 1) end)
  parts[#parts + 1] = string.sub(ids, from)
  return union(table.concat(parts), table.concat(late)), #late
end

-- The `length` largest ids; the largest that goes becomes the floor.
local function trimmed(ids, length)
  return string.sub(ids, -ID * (length + 1))
end

-- Cached rows: their layout is described in row_cache_get.lua.
local ROW_HEADER, ROW_TOKEN = 42, 16

-- Whether the value was written in the present life of the server.
local function is_of_life(value, now)
  return value and is_laid_out(value) and string.sub(value, 3, ROW_HEADER) == now
end

-- The cached row, or false.
local function cached_row(value, now)
  if not is_of_life(value, now) then return false end
  local state = state_of(value)
  if state == COMPLETE then return string.sub(value, ROW_HEADER + 1) end
  return state == REFRESHING and string.sub(value, ROW_HEADER + ROW_TOKEN + 1)
end

-- The pull set is one hash: author -> newest pulled id and 8 bytes of version. The field MARK says
-- whether it is whole.
local MARK = ''

-- Takes authors and ids, in turn from ARGV[from] on, into a pull set.
local function pulled(key, version, from)
  for i = from, #ARGV, 2 do
    local held, id = redis.call('HGET', key, ARGV[i]), ARGV[i + 1]
    if held and less(id, 1, held, 1) then id = string.sub(held, 1, ID) end
    redis.call('HSET', key, ARGV[i], id .. version)
  end
end
