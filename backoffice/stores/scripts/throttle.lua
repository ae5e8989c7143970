-- throttle: slow down who fails. Every failure beyond the free ones doubles the wait, up to a longest one; a refused
-- attempt does not lengthen it, so nobody can lock somebody else out for good.
--
-- KEYS[1] hash: who -> "failures until"   KEYS[2] zset of them by the moment at which they are forgotten, ms
-- ARGV[1] op: "try" | "forgive" | "clear"   ARGV[2] who   ARGV[3] now, ms   ARGV[4] free failures   ARGV[5] first wait, ms
-- ARGV[6] longest wait, ms   ARGV[7] seconds after which all is forgotten   ARGV[8] how many are remembered: strangers
-- may come from any number of networks, and then the one gives way that would be forgotten first
-- Returns milliseconds to wait; 0 = go on. "try" counts as a failure until forgiven or cleared, so that attempts sent
-- at the same moment are counted one after the other; "forgive" leaves what would be there without that one.
local rows, order, op, who, now = KEYS[1], KEYS[2], ARGV[1], ARGV[2], tonumber(ARGV[3])
local function forget(one)
  redis.call('HDEL', rows, one)
  redis.call('ZREM', order, one)
end
if op == 'clear' then
  forget(who)
  return 0
end
local free, first, longest, keep = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local function wait_after(failures)
  if failures <= free then return 0 end
  return math.min(first * 2 ^ math.min(failures - free - 1, 30), longest)
end
-- More than one, so that what is over goes faster than it comes.
for _, one in ipairs(redis.call('ZRANGEBYSCORE', order, '-inf', ARGV[3], 'LIMIT', 0, 4)) do forget(one) end
local failures, till = string.match(redis.call('HGET', rows, who) or '0 0', '^(%d+) (%d+)$')
failures, till = tonumber(failures), tonumber(till)
if tonumber(redis.call('ZSCORE', order, who) or now) < now then failures, till = 0, 0 end
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
redis.call('HSET', rows, who, string.format('%.0f %.0f', failures, till))
redis.call('ZADD', order, string.format('%.0f', now + keep * 1000), who)
if redis.call('ZCARD', order) > tonumber(ARGV[8]) then forget(redis.call('ZRANGE', order, 0, 0)[1]) end
redis.call('EXPIRE', rows, ARGV[7])
redis.call('EXPIRE', order, ARGV[7])
return 0
