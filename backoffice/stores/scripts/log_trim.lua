-- log_trim: take out of indexes of the audit log what has left it. A script because what stays of an index is read and
-- written at one moment. It follows a commit that has recorded the act (`archive.py`), and does nothing where it is
-- repeated. Indexes are strings, and a string gives up its beginning only by being written anew, so a long one is
-- copied piece by piece, and the copy takes its place with the last one: the store never stands still.
--
-- ARGV[1] op:
--   short   KEYS[...] indexes     ARGV[2] last entry that has left, 8 bytes   ARGV[3] bytes of an index that is short
--   long    KEYS[1] index, KEYS[2] its copy      ARGV[2] the same             ARGV[3] bytes of a piece
--   done    KEYS[1] hash of the seals                                         ARGV[2] id up to which it was carried out
--
-- Returns for `short` the numbers of the keys that are not short: nothing happens to these; for `long` 1 while there is
-- something left to do, else 0; for `done` 1 where that was what is pending, else 0.
local op, last = ARGV[1], ARGV[2]

-- How many entries of an index are not behind this one.
local function up_to(key, entry)
  local rank = entry_rank(key, entry)
  if entry_at(key, rank) == entry then return rank + 1 end
  return rank
end

if op == 'done' then
  if redis.call('HGET', KEYS[1], 'pending') ~= last then return 0 end
  return redis.call('HDEL', KEYS[1], 'pending')
end

if op == 'short' then
  local most, others = tonumber(ARGV[3]), {}
  for number, key in ipairs(KEYS) do
    if redis.call('STRLEN', key) > most then
      others[#others + 1] = number
    else
      local gone = up_to(key, last)
      local rest = gone > 0 and redis.call('GETRANGE', key, gone * 8, -1)
      if rest == '' then redis.call('DEL', key) elseif rest then redis.call('SET', key, rest) end
    end
  end
  return others
end

if op ~= 'long' then return redis.error_reply('BADOP unknown op') end
local index, copy, piece = KEYS[1], KEYS[2], math.floor(tonumber(ARGV[3]) / 8)
local total, start = math.floor(redis.call('STRLEN', index) / 8), up_to(index, last)
if start == 0 or start == total then
  redis.call('DEL', copy)
  if start > 0 then redis.call('DEL', index) end
  return 0
end
local copied = redis.call('STRLEN', copy)
if copied > 0 then
  if less(last, entry_at(copy, 0)) then
    -- By what it names: an index may have given up its older half meanwhile.
    start = up_to(index, redis.call('GETRANGE', copy, copied - 8, copied - 1))
  else
    redis.call('DEL', copy) -- begun for an earlier trim
  end
end
local stop = math.min(total, start + piece)
if stop > start then redis.call('APPEND', copy, redis.call('GETRANGE', index, start * 8, stop * 8 - 1)) end
if stop < total then return 1 end
redis.call('RENAME', copy, index)
return 0
