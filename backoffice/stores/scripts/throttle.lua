-- throttle: slow down who fails. Every failure beyond the free ones doubles the wait, up to a longest one; a refused
-- attempt counts nowhere, so that it neither lengthens a wait nor takes a place from somebody else.
--
-- For each bucket KEYS: hash: who -> "failures until"; zset of them by the moment at which they are forgotten, ms
-- ARGV[1] op: "try" | "succeed"   ARGV[2] now, ms   ARGV[3] how many of a kind are remembered: strangers may come from
-- any number of networks, and then the one gives way that would be forgotten first
-- and six for each bucket: who, free failures, first wait (ms), longest wait (ms), seconds after which all is
-- forgotten, 1 = a success takes back one attempt and not all failures.
-- Returns milliseconds to wait; 0 = go on. "try" counts as a failure in all buckets until "succeed", or, where one says
-- wait, in none; attempts sent at the same moment are counted one after the other.
local op, now, remembered = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local function forget(bucket, one)
  redis.call('HDEL', bucket.rows, one)
  redis.call('ZREM', bucket.order, one)
end
local function wait_after(bucket, failures)
  if failures <= bucket.free then return 0 end
  return math.min(bucket.first * 2 ^ math.min(failures - bucket.free - 1, 30), bucket.longest)
end
local function read(number)
  local at = 4 + (number - 1) * 6
  local bucket = {
    rows = KEYS[2 * number - 1], order = KEYS[2 * number], who = ARGV[at], free = tonumber(ARGV[at + 1]),
    first = tonumber(ARGV[at + 2]), longest = tonumber(ARGV[at + 3]), keep = ARGV[at + 4], keeps = ARGV[at + 5] == '1',
  }
  -- More than one, so that what is over goes faster than it comes.
  for _, one in ipairs(redis.call('ZRANGEBYSCORE', bucket.order, '-inf', ARGV[2], 'LIMIT', 0, 4)) do
    forget(bucket, one)
  end
  local failures, till = string.match(redis.call('HGET', bucket.rows, bucket.who) or '0 0', '^(%d+) (%d+)$')
  bucket.failures, bucket.till = tonumber(failures), tonumber(till)
  if tonumber(redis.call('ZSCORE', bucket.order, bucket.who) or now) < now then bucket.failures, bucket.till = 0, 0 end
  -- A clock that was set back must not lock anybody out for longer than the longest wait.
  bucket.till = math.min(bucket.till, now + bucket.longest)
  return bucket
end
local function write(bucket)
  redis.call('HSET', bucket.rows, bucket.who, string.format('%.0f %.0f', bucket.failures, bucket.till))
  redis.call('ZADD', bucket.order, string.format('%.0f', now + tonumber(bucket.keep) * 1000), bucket.who)
  if redis.call('ZCARD', bucket.order) > remembered then forget(bucket, redis.call('ZRANGE', bucket.order, 0, 0)[1]) end
  redis.call('EXPIRE', bucket.rows, bucket.keep)
  redis.call('EXPIRE', bucket.order, bucket.keep)
end
local buckets, wait = {}, 0
for number = 1, #KEYS / 2 do
  buckets[number] = read(number)
  wait = math.max(wait, buckets[number].till - now)
end
if op == 'try' and wait > 0 then return wait end
for _, bucket in ipairs(buckets) do
  if op == 'try' then
    bucket.failures = bucket.failures + 1
    bucket.till = now + wait_after(bucket, bucket.failures)
    write(bucket)
  elseif not bucket.keeps then
    forget(bucket, bucket.who)
  elseif bucket.failures > 0 then
    bucket.failures = bucket.failures - 1
    bucket.till = math.min(bucket.till, now + wait_after(bucket, bucket.failures))
    write(bucket)
  end
end
return 0
