-- delete_and_release: drop what is left of an upload or a file after its chunks are gone, and give its bytes back to the
-- quota.
-- The act itself (cancel, expire, purge) was recorded by the commit before; this only frees, so it may run when
-- memory is full.
--
-- KEYS[1] record hash   KEYS[2] chunk map   KEYS[3] quota hash   KEYS[4] zset of what is to be collected
-- KEYS[5] hash of the owner   KEYS[6] zset of users whose quota is nearly used up
-- KEYS[7] hash of what holds which content   KEYS[8...] what else belongs to it
-- ARGV[1] id as KEYS[4] holds it   ARGV[2] state the record must be in
-- ARGV[3] field of the record that holds the bytes   ARGV[4] field of the quota they come off
-- ARGV[5] the owner   ARGV[6] quota of who has none of their own
-- ARGV[7] the content as KEYS[7] holds it, where it is another's than the record's   ARGV[8] the record's identifier
--
-- Returns "ok", or "gone" when another worker was here before.
if redis.call('HGET', KEYS[1], 'state') ~= ARGV[2] then
  redis.call('ZREM', KEYS[4], ARGV[1])
  return 'gone'
end
local bytes = tonumber(redis.call('HGET', KEYS[1], ARGV[3]) or 0)
local held = tonumber(redis.call('HGET', KEYS[3], ARGV[4]) or 0)
redis.call('HSET', KEYS[3], ARGV[4], string.format('%.0f', math.max(0, held - bytes)))
redis.call('DEL', KEYS[1], KEYS[2], unpack(KEYS, 8))
if ARGV[7] and redis.call('HGET', KEYS[7], ARGV[7]) == ARGV[8] then redis.call('HDEL', KEYS[7], ARGV[7]) end
redis.call('ZREM', KEYS[4], ARGV[1])
note_quota(KEYS[3], KEYS[5], KEYS[6], ARGV[5], ARGV[6])
return 'ok'
