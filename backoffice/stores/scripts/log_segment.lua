-- log_segment: make segments of an index of the log that is long. A script because the string, its segment and the directory
-- change at one moment. Nothing of the log changes, so nothing is recorded; repeated, it does nothing.
--
-- KEYS[1] index   KEYS[2] its directory   KEYS[3] set of the indexes that are full   KEYS[4] the new segment
-- ARGV[1] op   ARGV[2] number of the new segment, then:
--   cut     full           what the index has becomes a segment, if that is so many bytes or more. One that is very
--                          long, as an earlier version left it, is renamed, so this takes no longer
--   split   bytes, number  the last entries of such a segment, KEYS[5], become one of so many bytes; it gives up the
--                          string itself when what is left is as short
--
-- Returns {"done"}: there is nothing (more) to do; {"more"}: there is; {"number", n}: nothing has happened, a new
-- segment has this number.
local index, directory, full, new = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local op, bytes = ARGV[1], tonumber(ARGV[3])
local segments = segments_of(directory)

local long
if op == 'cut' then
  if redis.call('STRLEN', index) < bytes then
    redis.call('SREM', full, index)
    return {'done'}
  end
elseif op == 'split' then
  for at, one in ipairs(segments) do
    if one.number == tonumber(ARGV[4]) and one.count * 8 > bytes then long = at end
  end
  if not long then return {'done'} end
else
  return redis.error_reply('BADOP unknown op')
end

local number = 1
for _, one in ipairs(segments) do number = math.max(number, one.number + 1) end
if number ~= tonumber(ARGV[2]) then return {'number', number} end

if op == 'cut' then
  local length = redis.call('STRLEN', index)
  segments[#segments + 1] = {first = entry_at(index, 0), number = number, count = math.floor(length / 8)}
  if length > 2 * bytes then
    redis.call('RENAME', index, new)
  else
    -- A string that was appended to has room for as much again; a copy has none.
    redis.call('SET', new, redis.call('GETRANGE', index, 0, -1))
    redis.call('DEL', index)
  end
  set_segments(directory, segments)
  redis.call('SREM', full, index)
  return {'done'}
end

local one, piece = segments[long], math.floor(bytes / 8)
local left = one.count - piece
redis.call('SET', new, redis.call('GETRANGE', KEYS[5], left * 8, one.count * 8 - 1))
table.insert(segments, long + 1, {first = entry_at(new, 0), number = number, count = piece})
one.count = left
if left <= piece then redis.call('SET', KEYS[5], redis.call('GETRANGE', KEYS[5], 0, left * 8 - 1)) end
set_segments(directory, segments)
return {left > piece and 'more' or 'done'}
