-- log_index: what the indexes of the log hold. A script because an entry's place is found by bisection, and what is read
-- of the log depends on it.
--
-- KEYS[...] strings of 8 bytes an entry, in rising order   ARGV[1] op, then:
--   page   before, count, read   of KEYS[1], of which `read` entries at most are read from the stream KEYS[2];
--                                KEYS[3] the hash of the seals; before: 8 bytes, "" = from the newest
--   ranks  key, entry ...        entries by the number of their key
--
-- Returns for `page` {number of entries in all, the last `count` of those below `before` as one string, in rising
-- order, {id, event, id, event ...}: the newest of these, from the newest on, without those that have left the log,
-- what was trimmed of the log};
-- for `ranks` for each entry the number of entries below it, and 1 where it is there itself or 0.

-- The id that `pack_entry` made 8 bytes of.
local function unpack_entry(text, at)
  local a, b, c, d, e, f, g, h = string.byte(text, at, at + 7)
  local low = ((e * 256 + f) * 256 + g) * 256 + h
  local ms = (((a * 256 + b) * 256 + c) * 256 + d) * 1024 + math.floor(low / 4194304)
  return string.format('%.0f-%.0f', ms, low % 4194304)
end

if ARGV[1] == 'page' then
  local total = math.floor(redis.call('STRLEN', KEYS[1]) / 8)
  local stop = total
  if ARGV[2] ~= '' then stop = entry_rank(KEYS[1], ARGV[2]) end
  local trimmed = redis.call('HGET', KEYS[3], 'trimmed')
  if stop == 0 then return {total, '', {}, trimmed} end
  local window = redis.call('GETRANGE', KEYS[1], math.max(0, stop - tonumber(ARGV[3])) * 8, stop * 8 - 1)
  local entries = {}
  for at = #window - 7, math.max(1, #window + 1 - tonumber(ARGV[4]) * 8), -8 do
    local id = unpack_entry(window, at)
    local found = redis.call('XRANGE', KEYS[2], id, id)[1]
    if found then
      entries[#entries + 1] = id
      entries[#entries + 1] = found[2][2]
    end
  end
  return {total, window, entries, trimmed}
end

local found = {}
for at = 2, #ARGV, 2 do
  local key, entry = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
  local rank = entry_rank(key, entry)
  found[#found + 1] = rank
  found[#found + 1] = entry_at(key, rank) == entry and 1 or 0
end
return found
