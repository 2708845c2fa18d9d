-- KEYS: pull set. ARGV: version; then authors and ids, packed, in turn.
-- Adds them to a whole set, to one that is being loaded, and to what is neither: a set without
-- its mark is never read.
pulled(KEYS[1], ARGV[1], 2)
return 1
