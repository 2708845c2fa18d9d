-- KEYS: timeline; its authors. ARGV: token; digests of the authors that it had, and of those that it
-- is to have; floor and ids to take in, packed and ascending; length; the authors, packed; TTL (s)
-- of the authors. Returns 1, or 0 where the timeline is gone or has other authors by now.
local token, was, sources, loaded, length = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local value = redis.call('GET', KEYS[1])
if not value or token_of(value) ~= token or not is_current(value) then return 0 end
if sources_of(value) == sources then return 1 end -- the client repeats a call
if sources_of(value) ~= was then return 0 end -- also that of a load under way, which is unknown
local ids = trimmed(joined((settled(value)), loaded), length)
redis.call('SET', KEYS[1], stored(COMPLETE, token, sources, history(), ids), 'KEEPTTL')
redis.call('SET', KEYS[2], ARGV[6], 'EX', ARGV[7])
return 1
