-- _segments: directories of indexes of the log (`segments.py`); `scripts/__init__.py` puts it before those scripts that read
-- or write segments, after `_log.lua`.

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
