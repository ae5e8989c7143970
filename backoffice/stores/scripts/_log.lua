-- _log: entries of the audit log in its indexes, for the scripts that write or read those; `scripts/__init__.py` puts it before
-- each script, after `_bytes.lua`.

-- How an entry stands in its indexes, as `log_index.py:pack` makes it: 8 bytes, milliseconds * 2^22 + sequence, most
-- significant byte first, in two halves that a double holds.
local function pack_entry(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  ms, seq = tonumber(ms), tonumber(seq)
  if ms >= 4398046511104 then return string.rep('\255', 8) end
  if seq > 4194303 then seq = 4194303 end
  local low = ms % 1024 * 4194304 + seq
  local high = (ms - ms % 1024) / 1024
  local h3, h2, h1 = high % 256, high % 65536, high % 16777216
  local l3, l2, l1 = low % 256, low % 65536, low % 16777216
  return string.char((high - h1) / 16777216, (h1 - h2) / 65536, (h2 - h3) / 256, h3,
    (low - l1) / 16777216, (l1 - l2) / 65536, (l2 - l3) / 256, l3)
end

local function entry_at(key, rank) return redis.call('GETRANGE', key, rank * 8, rank * 8 + 7) end
-- How many of the first `count` entries under a key (nil = of all) come before this one.
local function entry_rank(key, entry, count)
  local low, high = 0, count or math.floor(redis.call('STRLEN', key) / 8)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(entry_at(key, middle), entry) then low = middle + 1 else high = middle end
  end
  return low
end

-- Which of KEYS[first] to KEYS[last], indexes of an event, have `most` bytes or more: before anything is appended to
-- them they have to be cut (`segments.py`). The answer of the script, which has had no effect then; nil = go on.
local function no_room(first, last, most)
  local full
  for at = first, last do
    if redis.call('STRLEN', KEYS[at]) >= most then
      full = full or {'full'}
      full[#full + 1] = at
    end
  end
  return full
end

-- The segments that a directory names, the oldest first: 16 bytes each, as in `log_index.py:Segment`.
local function segments_of(directory)
  local text, found = redis.call('GET', directory) or '', {}
  for at = 1, #text - 15, 16 do
    local n1, n2, n3, n4, c1, c2, c3, c4 = string.byte(text, at + 8, at + 15)
    found[#found + 1] = {first = string.sub(text, at, at + 7), number = ((n1 * 256 + n2) * 256 + n3) * 256 + n4,
      count = ((c1 * 256 + c2) * 256 + c3) * 256 + c4}
  end
  return found
end
local function pack_number(number)
  local n3, n2, n1 = number % 256, number % 65536, number % 16777216
  return string.char((number - n1) / 16777216, (n1 - n2) / 65536, (n2 - n3) / 256, n3)
end
local function set_segments(directory, segments)
  local rows = {}
  for at, one in ipairs(segments) do rows[at] = one.first .. pack_number(one.number) .. pack_number(one.count) end
  if #rows == 0 then redis.call('DEL', directory) else redis.call('SET', directory, table.concat(rows)) end
end
