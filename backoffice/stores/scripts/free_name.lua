-- free_name: the first of several names that is not taken, among the members of a lexical zset. It only reads.
--
-- KEYS[1] zset of `folded text NUL id`   ARGV[1...] {least, below} of each name, bounds of its members
--
-- Returns the number of the first free one, from 1 on; 0 when all are taken.
for at = 1, #ARGV, 2 do
  if redis.call('ZLEXCOUNT', KEYS[1], ARGV[at], ARGV[at + 1]) == 0 then return (at + 1) / 2 end
end
return 0
