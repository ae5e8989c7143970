-- zset_after: the members of a zset that come after one member, which may have gone in the meantime. A script because
-- many members can share a score, and a cursor must neither repeat nor skip one of them.
--
-- KEYS[1] zset   ARGV[1] score, ARGV[2] member: the last one seen   ARGV[3] how many   ARGV[4] "desc" or "asc"
-- ARGV[5], ARGV[6] least and greatest score that count for the total
-- Returns {number of members in all, member, score, member, score, ...}; members may lie beyond the greatest score.
local key, score, member, count = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
local desc = ARGV[4] == 'desc'

local total = redis.call('ZCOUNT', key, ARGV[5], ARGV[6])
-- Rank, in rising order, of the first member at or above (score, member): bisect among equal scores, where members
-- are ordered byte by byte.
local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
local high = low + redis.call('ZCOUNT', key, score, score)
while low < high do
  local middle = math.floor((low + high) / 2)
  if less(redis.call('ZRANGE', key, middle, middle)[1], member) then low = middle + 1 else high = middle end
end
local first, last
if desc then
  last = low - 1
  first = math.max(0, last - count + 1)
  if last < 0 then return {total} end
else
  first = low
  if redis.call('ZRANGE', key, low, low)[1] == member then first = low + 1 end
  last = first + count - 1
end
local found = redis.call('ZRANGE', key, first, last, 'WITHSCORES')
local result = {total}
if desc then
  for at = #found - 1, 1, -2 do
    result[#result + 1] = found[at]
    result[#result + 1] = found[at + 1]
  end
else
  for at = 1, #found do result[#result + 1] = found[at] end
end
return result
