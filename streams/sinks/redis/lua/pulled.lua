-- KEYS: pull set. ARGV: authors, packed.
-- Returns those who have pulled posts, each with newest id and version, 8 bytes each, in one string;
-- or nothing where the set is not whole.
if redis.call('HGET', KEYS[1], MARK) ~= COMPLETE .. history() then return false end
local authors, fields, found = ARGV[1], {}, {}
for at = 1, #authors, ID do fields[#fields + 1] = string.sub(authors, at, at + ID - 1) end
if #fields == 0 then return '' end
for i, cell in ipairs(redis.call('HMGET', KEYS[1], unpack(fields))) do
  if cell then found[#found + 1] = fields[i] .. cell end
end
return table.concat(found)
