-- entries: what the indexes of the log hold. A script because an entry's place is found by bisection.
--
-- KEYS[...] strings of 8 bytes an entry, in rising order   ARGV[1] op, then:
--   page   before, count       of KEYS[1]; before: 8 bytes, "" = from the newest
--   ranks  key, entry ...      entries by the number of their key
--
-- Returns for `page` {number of entries in all, the last `count` of those below `before` as one string, in rising order},
-- for `ranks` for each entry the number of entries below it, and 1 where it is there itself or 0.

-- Byte by byte; `<` follows the locale of the server.
local function below(one, other)
  for at = 1, 8 do
    local a, b = string.byte(one, at), string.byte(other, at)
    if a ~= b then return a < b end
  end
  return false
end
local function entry_at(key, place) return redis.call('GETRANGE', key, place * 8, place * 8 + 7) end
local function length(key) return math.floor(redis.call('STRLEN', key) / 8) end
local function rank(key, entry)
  local low, high = 0, length(key)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if below(entry_at(key, middle), entry) then low = middle + 1 else high = middle end
  end
  return low
end

if ARGV[1] == 'page' then
  local total = length(KEYS[1])
  local stop = total
  if ARGV[2] ~= '' then stop = rank(KEYS[1], ARGV[2]) end
  if stop == 0 then return {total, ''} end
  return {total, redis.call('GETRANGE', KEYS[1], math.max(0, stop - tonumber(ARGV[3])) * 8, stop * 8 - 1)}
end

local found = {}
for at = 2, #ARGV, 2 do
  local key, entry = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  local place = rank(key, entry)
  found[#found + 1] = place
  found[#found + 1] = entry_at(key, place) == entry and 1 or 0
end
return found
