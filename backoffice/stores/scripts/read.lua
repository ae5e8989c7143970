-- read: record that bytes of a file are asked for, or count it. Who takes a file again and again, or a player that takes
-- it piece by piece, would fill the log: so the first time in a span has an entry of its own, and more of them are
-- counted. `reads.py` writes what was counted, as one event, when the span is over. Not a commit: nothing changes.
--
-- KEYS[1] request id   KEYS[2] hash of what is counted, of one reader, file and span   KEYS[3] zset of those to be written
-- KEYS[4] what the reader has spent today   KEYS[5] record of the file   KEYS[6] audit stream
-- KEYS[7] set of the indexes that are full   KEYS[8...] those of the event, and last the chunk, if there is one to read
-- ARGV[1] seconds for which the request id is remembered   ARGV[2] bytes at which an index of the log is full
-- ARGV[3] field of the record's version, '' = whatever it is   ARGV[4] the version, '' = none
-- ARGV[5] now, ms   ARGV[6] end of the span, ms   ARGV[7] ms for which its first reading is remembered after that
-- ARGV[8] what may be spent in a day, '' = any   ARGV[9] what an entry costs   ARGV[10] seconds of a day
-- ARGV[11] name of the hash in the zset   ARGV[12] event   ARGV[13] its actor   ARGV[14] id and ARGV[15] name of the file
-- ARGV[16] first byte and ARGV[17] the one after the last   ARGV[18] '1': a part of the file   ARGV[19] '1': read the chunk
--
-- Returns {"done", chunk}, also when the request id was seen before; {"changed"}: the record is another, or
-- {"spent"}; {"full", position in KEYS ...}: indexes that are to be cut first. An entry is paid for where it is certain to come: at the first reading, and at the second, by which there
-- will be one more.
local request, counted, due, audit = KEYS[1], KEYS[2], KEYS[3], KEYS[6]
local chunk = ARGV[19] == '1' and KEYS[#KEYS]

local function pay()
  if ARGV[8] == '' then return true end
  local spent = redis.call('INCRBY', KEYS[4], ARGV[9])
  if spent == tonumber(ARGV[9]) then redis.call('EXPIRE', KEYS[4], ARGV[10]) end
  return spent <= tonumber(ARGV[8])
end

-- The parts that were taken: from where to where they reach, and the largest one.
local function note_part()
  local start, stop = tonumber(ARGV[16]), tonumber(ARGV[17])
  local row = redis.call('HMGET', counted, 'low', 'high', 'first', 'stop')
  local function put(name, value) redis.call('HSET', counted, name, string.format('%.0f', value)) end
  if not row[1] or start < tonumber(row[1]) then put('low', start) end
  if not row[2] or stop > tonumber(row[2]) then put('high', stop) end
  if not row[3] or stop - start > tonumber(row[4]) - tonumber(row[3]) then
    put('first', start)
    put('stop', stop)
  end
end

-- One question for both.
local some = redis.call('EXISTS', request, KEYS[7]) > 0
if not some or redis.call('EXISTS', request) == 0 then
  local refusal = changed()
  if refusal then return refusal end
  if ARGV[3] ~= '' then
    local version = redis.call('HGET', KEYS[5], ARGV[3])
    if (version or '') ~= ARGV[4] or (not version and redis.call('EXISTS', KEYS[5]) == 0) then return {'changed'} end
  end

  local times = tonumber(redis.call('HGET', counted, 'times') or 0) + 1
  local full = some and times == 1 and no_room(8, #KEYS - (chunk and 1 or 0), tonumber(ARGV[2]))
  if full then return full end
  if times <= 2 and not pay() then return {'spent'} end
  redis.call('HSET', counted, 'times', times)
  if times == 1 then
    local entry = pack_entry(redis.call('XADD', audit, '*', 'e', ARGV[12]))
    for index = 8, #KEYS - (chunk and 1 or 0) do append_entry(KEYS[index], entry, tonumber(ARGV[2]), KEYS[7]) end
    redis.call('PEXPIREAT', counted, string.format('%.0f', ARGV[6] + ARGV[7]))
  else
    if times == 2 then
      redis.call('HSET', counted, 'since', ARGV[5], 'actor', ARGV[13], 'file', ARGV[14], 'name', ARGV[15])
      redis.call('PERSIST', counted)
      redis.call('ZADD', due, ARGV[6], ARGV[11])
    end
    redis.call('HINCRBY', counted, 'bytes', string.format('%.0f', ARGV[17] - ARGV[16]))
    redis.call('HSET', counted, 'until', ARGV[5])
    if ARGV[18] == '1' then note_part() end
  end
  redis.call('SET', request, '1', 'EX', ARGV[1])
end

return {'done', chunk and redis.call('GET', chunk)}
