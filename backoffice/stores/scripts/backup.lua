-- backup: what a backup writes into the store. No act, so no event; a script because a backup is made also when memory is full,
-- and because who has the lease is asked and written at one moment.
--
-- KEYS[1] the mark, or the lease
-- ARGV[1] op:
--   mark      ARGV[2] text, ARGV[3] ms: write it, so that the server tells that this key has changed
--   lease     ARGV[2] token, ARGV[3] ms: have it for so long from now on, unless somebody else has it
--   release   ARGV[2] token: have it no more
-- Returns 1, for `lease` and `release` 0 where somebody else has it.
local op, key, text = ARGV[1], KEYS[1], ARGV[2]
if op ~= 'mark' then
  local holder = redis.call('GET', key)
  if holder and holder ~= text then return 0 end
end
if op == 'release' then
  redis.call('DEL', key)
elseif op == 'mark' or op == 'lease' then
  redis.call('SET', key, text, 'PX', ARGV[3])
else
  return redis.error_reply('BADOP unknown op')
end
return 1
