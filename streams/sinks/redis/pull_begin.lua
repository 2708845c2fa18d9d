-- KEYS: pull set. ARGV: token. What another life of the server left behind must not be believed.
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], MARK, LOADING .. ARGV[1] .. history())
return 1
