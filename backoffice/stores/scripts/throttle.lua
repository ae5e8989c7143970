-- throttle: slow down who fails. Every failure beyond the free ones doubles the wait, up to a longest one; a refused
-- attempt does not lengthen it, so nobody can lock somebody else out for good.
--
-- KEYS[1] hash {failures, until}
-- ARGV[1] op: "try" | "forgive" | "clear"   ARGV[2] now, ms   ARGV[3] free failures   ARGV[4] first wait, ms
-- ARGV[5] longest wait, ms   ARGV[6] seconds after which all is forgotten
-- Returns milliseconds to wait; 0 = go on. "try" counts as a failure until forgiven or cleared, so that attempts sent
-- at the same moment are counted one after the other; "forgive" leaves what would be there without that one.
local key, op, now = KEYS[1], ARGV[1], tonumber(ARGV[2])
if op == 'clear' then
  redis.call('DEL', key)
  return 0
end
local free, first, longest = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local function wait_after(failures)
  if failures <= free then return 0 end
  return math.min(first * 2 ^ math.min(failures - free - 1, 30), longest)
end
local row = redis.call('HMGET', key, 'failures', 'until')
local failures, till = tonumber(row[1] or 0), tonumber(row[2] or 0)
-- A clock that was set back must not lock anybody out for longer than the longest wait.
till = math.min(till, now + longest)
if op == 'forgive' then
  if failures == 0 then return 0 end
  failures = failures - 1
  till = math.min(till, now + wait_after(failures))
else
  if till > now then return till - now end
  failures = failures + 1
  till = now + wait_after(failures)
end
redis.call('HSET', key, 'failures', tostring(failures), 'until', string.format('%.0f', till))
redis.call('EXPIRE', key, ARGV[6])
return 0
