-- log_index: what the indexes of the log hold. A script because an entry's place is found by bisection.
--
-- KEYS[...] strings of 8 bytes an entry, in rising order   ARGV[1] op, then:
--   page   before, count       of KEYS[1]; before: 8 bytes, "" = from the newest
--   ranks  key, entry ...      entries by the number of their key
--
-- Returns for `page` {number of entries in all, the last `count` of those below `before` as one string, in rising
-- order}, for `ranks` for each entry the number of entries below it, and 1 where it is there itself or 0.

if ARGV[1] == 'page' then
  local total = math.floor(redis.call('STRLEN', KEYS[1]) / 8)
  local stop = total
  if ARGV[2] ~= '' then stop = entry_rank(KEYS[1], ARGV[2]) end
  if stop == 0 then return {total, ''} end
  return {total, redis.call('GETRANGE', KEYS[1], math.max(0, stop - tonumber(ARGV[3])) * 8, stop * 8 - 1)}
end

local found = {}
for at = 2, #ARGV, 2 do
  local key, entry = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  local rank = entry_rank(key, entry)
  found[#found + 1] = rank
  found[#found + 1] = entry_at(key, rank) == entry and 1 or 0
end
return found
