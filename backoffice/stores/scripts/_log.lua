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
-- How many entries of an index come before this one.
local function entry_rank(key, entry)
  local low, high = 0, math.floor(redis.call('STRLEN', key) / 8)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if less(entry_at(key, middle), entry) then low = middle + 1 else high = middle end
  end
  return low
end

-- Put a packed entry at the end of an index. One that reaches `most` bytes gives up its older half.
local function append_entry(key, entry, most)
  if redis.call('APPEND', key, entry) >= most then
    redis.call('SET', key, redis.call('GETRANGE', key, most / 2, -1))
  end
end
