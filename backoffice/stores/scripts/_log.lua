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

-- Put a packed entry at the end of an index. One that has `most` bytes or more from now on is full, and noted as such.
local function append_entry(key, entry, most, full)
  if redis.call('APPEND', key, entry) >= most then redis.call('SADD', full, key) end
end
-- Which of KEYS[first] to KEYS[last] are full indexes, for a script that sees that there are some: before it appends to
-- them they have to be cut (`segments.py`). What it answers, without an effect, then; nil = it may go on.
local function no_room(first, last, most)
  local answer = {'full'}
  for at = first, last do
    if redis.call('STRLEN', KEYS[at]) >= most then answer[#answer + 1] = at end
  end
  if #answer > 1 then return answer end
end
