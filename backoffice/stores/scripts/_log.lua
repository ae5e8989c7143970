-- _log: entries of the audit log in its indexes, for the scripts that write or read those; `scripts/__init__.py` puts it before
-- each script, after `_bytes.lua`.

-- The first 32 bits of a number, most significant byte first.
local function four_bytes(number)
  return string.char(math.floor(number / 16777216) % 256, math.floor(number / 65536) % 256,
    math.floor(number / 256) % 256, number % 256)
end
-- How an entry stands in its indexes, as `log_index.py:pack` makes it: 8 bytes, milliseconds * 2^22 + sequence, in two
-- halves that a double holds.
local function pack_entry(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  ms, seq = tonumber(ms), math.min(tonumber(seq), 4194303)
  if ms >= 4398046511104 then return string.rep('\255', 8) end
  return four_bytes(math.floor(ms / 1024)) .. four_bytes(ms % 1024 * 4194304 + seq)
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

-- Write an event into the log and into its indexes; the id of its entry. An index that reaches `most` bytes gives up
-- its older half.
local function append_event(stream, text, indexes, most)
  local id = redis.call('XADD', stream, '*', 'e', text)
  local entry = pack_entry(id)
  for _, key in ipairs(indexes) do
    if redis.call('APPEND', key, entry) >= most then
      redis.call('SET', key, redis.call('GETRANGE', key, most / 2, -1))
    end
  end
  return id
end
