-- touch: note that a record was used. Not an act, so it writes no event; a script of its own because it must never
-- bring back a record that has gone in the meantime.
--
-- KEYS[1] record hash   KEYS[2...] zsets that order it by the moment it dies: that of all records, and those that die
-- with the last record in them; one that does not have it yet, from before there was such an index, gets it
-- ARGV[1] member in those zsets   ARGV[2] moment it dies, ms ("" = it does not)   ARGV[3...] field, value, ...
-- Returns "ok" or "gone".
if redis.call('EXISTS', KEYS[1]) == 0 then return 'gone' end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
if ARGV[2] ~= '' then
  redis.call('PEXPIREAT', KEYS[1], ARGV[2])
  for at = 2, #KEYS do
    redis.call('ZADD', KEYS[at], ARGV[2], ARGV[1])
    if at > 2 then
      redis.call('PEXPIREAT', KEYS[at], ARGV[2], 'NX')
      redis.call('PEXPIREAT', KEYS[at], ARGV[2], 'GT')
    end
  end
end
return 'ok'
