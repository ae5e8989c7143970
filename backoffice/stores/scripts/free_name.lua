-- free_name: the first of several names that is not taken, among the members of lexical zsets. It only reads.
--
-- KEYS zsets of `folded text NUL id`   ARGV[1...] {least, below} of each name, bounds of its members
--
-- Returns the number of the first free one, from 1 on; 0 when all are taken.
for at = 1, #ARGV, 2 do
  local taken = 0
  for _, key in ipairs(KEYS) do
    if taken == 0 then taken = redis.call('ZLEXCOUNT', key, ARGV[at], ARGV[at + 1]) end
  end
  if taken == 0 then return (at + 1) / 2 end
end
return 0
