-- log_index: what the indexes of the log hold. A script because an entry's place is found by bisection, and what is read
-- of the log depends on it. Which segments it takes is known only here, and KEYS must name them: so it says which ones
-- are missing, and is asked again.
--
-- ARGV[1] op:
--   page    KEYS[1] index   KEYS[2] its directory   KEYS[3] stream   KEYS[4] hash of the seals   KEYS[5...] segments
--           ARGV[2] before   ARGV[3] from   ARGV[4] below: entries of 8 bytes, "" = no such bound
--           ARGV[5] count   ARGV[6] read: how many entries of the stream at most   ARGV[7...] numbers of the segments
--   ranks   KEYS: so many pairs of an index and its directory, then segments
--           ARGV[2] pairs   ARGV[3] questions   then questions: number of a pair, entry; then of each segment: number
--           of the pair, number
--
-- Returns for `page` {"ok", number of entries in [from, below), the last `count` of those that are also below `before`
-- as one string, in rising order, {id, event, id, event ...}: the newest of these, from the newest on, without those
-- that have left the log, what was trimmed of the log};
-- for `ranks` {"ok", of each question the number of entries below it, and 1 where it is there itself or 0 ...};
-- {"more", pair, number, pair, number ...}: these segments are to be in KEYS as well.
local missing, seen = {'more'}, {}
local function lacks(part)
  if part.key then return false end
  local name = part.pair .. ':' .. part.number
  if not seen[name] then
    missing[#missing + 1], missing[#missing + 2] = part.pair, part.number
    seen[name] = true
  end
  return true
end

-- An index as one row of entries: its segments, and what it has itself. `given`: keys of segments by number.
local function parts_of(pair, index, directory, given)
  local parts, below = segments_of(directory), 0
  for _, part in ipairs(parts) do
    part.pair, part.key, part.below = pair, given[part.number], below
    below = below + part.count
  end
  local count = math.floor(redis.call('STRLEN', index) / 8)
  if count > 0 then parts[#parts + 1] = {key = index, first = entry_at(index, 0), count = count, below = below} end
  parts.total = below + count
  return parts
end

-- How many entries come before this one, and whether it is there itself; the least it can be where a segment is missing.
local function rank_of(parts, entry)
  for at = #parts, 1, -1 do
    local part = parts[at]
    if not less(entry, part.first) then
      if lacks(part) then return part.below, false end
      local rank = entry_rank(part.key, entry, part.count)
      return part.below + rank, rank < part.count and entry_at(part.key, rank) == entry
    end
  end
  return 0, false
end

-- The entries [start, stop) as one string.
local function slice(parts, start, stop)
  local texts = {}
  for _, part in ipairs(parts) do
    local low, high = math.max(start, part.below), math.min(stop, part.below + part.count)
    if low < high and not lacks(part) then
      texts[#texts + 1] = redis.call('GETRANGE', part.key, (low - part.below) * 8, (high - part.below) * 8 - 1)
    end
  end
  return table.concat(texts)
end

-- The id that `pack_entry` made 8 bytes of.
local function unpack_entry(text, at)
  local a, b, c, d, e, f, g, h = string.byte(text, at, at + 7)
  local low = ((e * 256 + f) * 256 + g) * 256 + h
  local ms = (((a * 256 + b) * 256 + c) * 256 + d) * 1024 + math.floor(low / 4194304)
  return string.format('%.0f-%.0f', ms, low % 4194304)
end

if ARGV[1] == 'page' then
  local given = {}
  for at = 5, #KEYS do given[tonumber(ARGV[at + 2])] = KEYS[at] end
  local parts = parts_of(1, KEYS[1], KEYS[2], given)
  local function bound(text, default)
    if text == '' then return default end
    return (rank_of(parts, text))
  end
  local low, high = bound(ARGV[3], 0), bound(ARGV[4], parts.total)
  local stop = math.min(high, bound(ARGV[2], parts.total))
  local window = slice(parts, math.max(low, stop - tonumber(ARGV[5])), stop)
  if #missing > 1 then return missing end
  local entries = {}
  for at = #window - 7, math.max(1, #window + 1 - tonumber(ARGV[6]) * 8), -8 do
    local id = unpack_entry(window, at)
    local found = redis.call('XRANGE', KEYS[3], id, id)[1]
    if found then
      entries[#entries + 1] = id
      entries[#entries + 1] = found[2][2]
    end
  end
  return {'ok', math.max(0, high - low), window, entries, redis.call('HGET', KEYS[4], 'trimmed')}
end

local pairs_given, questions, given = tonumber(ARGV[2]), tonumber(ARGV[3]), {}
for pair = 1, pairs_given do given[pair] = {} end
local at = 4 + questions * 2
for place = pairs_given * 2 + 1, #KEYS do
  given[tonumber(ARGV[at])][tonumber(ARGV[at + 1])] = KEYS[place]
  at = at + 2
end
local rows = {}
for pair = 1, pairs_given do rows[pair] = parts_of(pair, KEYS[pair * 2 - 1], KEYS[pair * 2], given[pair]) end
local found = {'ok'}
for place = 4, 2 + questions * 2, 2 do
  local rank, there = rank_of(rows[tonumber(ARGV[place])], ARGV[place + 1])
  found[#found + 1] = rank
  found[#found + 1] = there and 1 or 0
end
if #missing > 1 then return missing end
return found
