-- log_trim: take out of indexes of the audit log what has left it. A script because what stays of an index is read and
-- written at one moment. It follows a commit that has recorded the act (`archive.py`), and does nothing where it is
-- repeated. Strings give up their beginning only by being written anew, so of a long index whole segments go, and one
-- that is cut has 1 MiB at most: the store never stands still.
--
-- ARGV[1] op:
--   short   KEYS: pairs of an index and its directory    ARGV[2] last entry that has left, 8 bytes
--           ARGV[3] bytes of an index that is short
--   long    KEYS[1] index, KEYS[2] its directory, KEYS[3] its copy, which an earlier version may have left,
--           KEYS[4...] its oldest segments    ARGV[2] the same    ARGV[3] bytes of a segment    ARGV[4...] their numbers
--   done    KEYS[1] hash of the seals         ARGV[2] id up to which it was carried out
--
-- Returns for `short` the numbers of the pairs that are not short: nothing happens to these; for `long` {"done"},
-- {"more"}: other segments are to be in KEYS, or {"split", n}: this segment is to be made shorter first; for `done` 1
-- where that was what is pending, else 0.
local op, last = ARGV[1], ARGV[2]

-- How many of the first `count` entries of a string are not behind the last one.
local function up_to(key, count)
  local rank = entry_rank(key, last, count)
  if rank < count and entry_at(key, rank) == last then return rank + 1 end
  return rank
end

-- Take the first entries out of a string.
local function cut_front(key, gone, count)
  if gone >= count then
    redis.call('DEL', key)
  elseif gone > 0 then
    redis.call('SET', key, redis.call('GETRANGE', key, gone * 8, count * 8 - 1))
  end
end
local function cut_index(key)
  local count = math.floor(redis.call('STRLEN', key) / 8)
  cut_front(key, up_to(key, count), count)
end

if op == 'done' then
  if redis.call('HGET', KEYS[1], 'pending') ~= last then return 0 end
  return redis.call('HDEL', KEYS[1], 'pending')
end

if op == 'short' then
  local most, others = tonumber(ARGV[3]), {}
  for at = 1, #KEYS, 2 do
    if redis.call('STRLEN', KEYS[at]) > most or redis.call('EXISTS', KEYS[at + 1]) == 1 then
      others[#others + 1] = (at + 1) / 2
    else
      cut_index(KEYS[at])
    end
  end
  return others
end

if op ~= 'long' then return redis.error_reply('BADOP unknown op') end
local index, directory, given = KEYS[1], KEYS[2], {}
for at = 4, #KEYS do given[tonumber(ARGV[at])] = KEYS[at] end
local segments, changed_it, answer = segments_of(directory), false, {'done'}
while #segments > 0 and not less(last, segments[1].first) do
  local oldest = segments[1]
  local key = given[oldest.number]
  if not key then
    answer = {'more'}
    break
  end
  local gone = up_to(key, oldest.count)
  if gone < oldest.count and oldest.count * 8 > tonumber(ARGV[3]) then
    answer = {'split', oldest.number}
    break
  end
  cut_front(key, gone, oldest.count)
  changed_it = true
  if gone == oldest.count then
    table.remove(segments, 1)
  else
    oldest.first, oldest.count = entry_at(key, 0), oldest.count - gone
    break
  end
end
if changed_it then set_segments(directory, segments) end
if answer[1] ~= 'done' then return answer end
if #segments == 0 then cut_index(index) end
redis.call('DEL', KEYS[3])
return answer
