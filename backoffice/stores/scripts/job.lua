-- job: be the worker that carries out a job for a while, and note how far it is. Not an act, so it writes no event: the
-- records are changed by commits of their own, which check the lease (`commit.py`); a script of its own because the time
-- is to be the server's, and because it may run when memory is full.
--
-- KEYS[1] record of the job   KEYS[2] hash of the records that are done in the present step
-- ARGV[1] op:
--   take   have it, unless another has; the records of a step that was cut off stay noted
--   save   note how far it is, and let others have it, or keep it for so long; only for who has it
-- ARGV[2] token of the worker   ARGV[3] ms that the lease lasts from now on   ARGV[4...] field, value, ...
-- Returns "ok", "busy" (another has it), "over" (it has ended or gone) or "lost" (another has taken it).
local record, token = KEYS[1], ARGV[2]
local state = redis.call('HGET', record, 'state')
if state ~= 'open' and state ~= 'stopping' then return 'over' end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[1] == 'take' then
  local held = tonumber(redis.call('HGET', record, 'lease_until') or 0)
  if held > now and redis.call('HGET', record, 'lease') ~= token then return 'busy' end
  redis.call('HSET', record, 'lease', token, 'lease_until', string.format('%.0f', now + ARGV[3]))
  if redis.call('HGET', record, 'started_at') == '0' then
    redis.call('HSET', record, 'started_at', string.format('%.0f', now))
  end
  return 'ok'
end
if redis.call('HGET', record, 'lease') ~= token then return 'lost' end
local kept = tonumber(ARGV[3])
redis.call('HSET', record, 'lease_until', kept > 0 and string.format('%.0f', now + kept) or 0, unpack(ARGV, 4))
redis.call('DEL', KEYS[2])
return 'ok'
