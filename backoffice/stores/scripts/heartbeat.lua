-- heartbeat: note that a worker lives. Not an act, so it writes no event; a script of its own because a worker lives
-- also when memory is full, and because the time is to be the server's.
--
-- KEYS[1] the worker's key   KEYS[2] zset of all workers   KEYS[3] hash of what workers have done
-- ARGV[1] the worker's host   ARGV[2] seconds that a heartbeat lasts
-- ARGV[3] seconds of silence after which a worker is taken out of the zset
-- ARGV[4…] names and numbers to be added to what was done: some dozen, the names of the worker's jobs
-- Returns "ok".
local time = redis.call('TIME')
redis.call('SET', KEYS[1], 1, 'EX', ARGV[2])
redis.call('ZADD', KEYS[2], time[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. string.format('%.0f', time[1] - ARGV[3]))
for at = 4, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[3], ARGV[at], ARGV[at + 1])
end
return 'ok'
