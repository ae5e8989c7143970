-- search_lex: a page of what begins so in several lexical zsets, one after the other. A script because where in the
-- second a page begins depends on how many the first has.
--
-- KEYS[...] zsets   ARGV[1], ARGV[2] least and greatest member   ARGV[3] up to how many in all are returned whole
-- ARGV[4] number of the zset and ARGV[5] member: the last one seen; 0 = none   ARGV[6] how many are passed over
-- ARGV[7] how many are wanted
--
-- Returns for each zset {number of members between the ends, the members}: all of them where they are few in all, else
-- those of the page.
local low, high = ARGV[1], ARGV[2]
local from, skip, wanted = tonumber(ARGV[4]), tonumber(ARGV[6]), tonumber(ARGV[7])
local counts, total = {}, 0
for at, key in ipairs(KEYS) do
  counts[at] = redis.call('ZLEXCOUNT', key, low, high)
  total = total + counts[at]
end
local few = total <= tonumber(ARGV[3])

local function members(at, key)
  if few then return redis.call('ZRANGE', key, low, high, 'BYLEX') end
  if at < from or wanted == 0 then return {} end
  local found
  if at == from then
    found = redis.call('ZRANGE', key, '(' .. ARGV[5], high, 'BYLEX', 'LIMIT', 0, wanted)
  else
    found = redis.call('ZRANGE', key, low, high, 'BYLEX', 'LIMIT', skip, wanted)
    skip = math.max(0, skip - counts[at])
  end
  wanted = wanted - #found
  return found
end

local result = {}
for at, key in ipairs(KEYS) do result[at] = {counts[at], members(at, key)} end
return result
